//! Globs over a repository's files: what they mean is what globset says, however it is found out.

use countersign::policy::rules::Globs;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

fn set(globs: &[&str]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(GlobBuilder::new(glob).literal_separator(true).build().unwrap());
    }
    set.build().unwrap()
}

fn globs(written: &[&str]) -> Globs {
    Globs::new(written.iter().map(|glob| (*glob).to_owned()).collect(), set(written))
}

#[test]
fn a_folder_means_what_its_glob_means() {
    let written = [
        "shop/stock/**",
        "shop//**",
        ".github/**",
        "a b/ü/**",
        "**",
        "/**",
        "shop/**/stock/**",
        "sh?p/**",
        "sh*/**",
        "{shop,infra}/**",
        "[s]hop/**",
        "sho\\p/**",
        "shop/***",
        "shop**",
    ];
    let paths = [
        "",
        "/",
        "shop",
        "shop/",
        "shop//",
        "shop//a",
        "shop/stock",
        "shop/stock/",
        "shop/stock/a.rs",
        "shop/stock/b/a.rs",
        "shop/stocks/a.rs",
        "a/shop/stock/a.rs",
        "/shop/stock/a.rs",
        "Shop/stock/a.rs",
        ".github/x.yml",
        "a b/ü/c",
        "infra/a",
        "sho\\p/a",
        "sh?p/a",
        "sh*/a",
        "{shop,infra}/a",
        "[s]hop/a",
        "shop/*",
    ];
    for glob in written {
        for path in paths {
            assert_eq!(globs(&[glob]).matches(path), set(&[glob]).is_match(path), "{path} and {glob}");
        }
    }
}

#[test]
fn no_globs_mean_nothing_and_several_mean_any() {
    assert!(!globs(&[]).matches("shop/a"));
    assert!(!Globs::default().matches("shop/a"));
    let meant = |written: &[&str]| ["shop/a", "infra/a", "a.md", "b/a.md"].map(|path| globs(written).matches(path));
    assert_eq!(meant(&["shop/**", "*.md"]), [true, false, true, false]);
    assert_eq!(meant(&["shop/**", "infra/**"]), [true, true, false, false]);
}
