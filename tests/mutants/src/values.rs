//! What a function may return in place of what it should, by its type.

use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, ReturnType, Type};

/// Expressions of what a function returns. Those that are of another type after all, such as a default that there is
/// not, the compiler refuses.
pub fn returned(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec!["()".to_owned()],
        ReturnType::Type(_, kind) => of(kind),
    }
}

fn of(kind: &Type) -> Vec<String> {
    match kind {
        Type::Paren(inner) => of(&inner.elem),
        Type::Tuple(tuple) => {
            let parts: Vec<Vec<String>> = tuple.elems.iter().map(of).collect();
            let together = parts.iter().fold(vec![String::new()], |so_far, values| {
                so_far.iter().flat_map(|before| values.iter().map(move |value| format!("{before}{value}, "))).collect()
            });
            together.into_iter().map(|values| format!("({values})")).collect()
        }
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => words(&["\"\"", "\"xyzzy\""]),
            Type::Slice(slice) => {
                let one = of(&slice.elem).into_iter().map(|value| format!("Vec::leak(vec![{value}])"));
                std::iter::once("Vec::leak(Vec::new())".to_owned()).chain(one).collect()
            }
            inner => of(inner).into_iter().map(|value| format!("Box::leak(Box::new({value}))")).collect(),
        },
        Type::Path(path) => named(&path.path),
        // An iterator of a type without a name is emptied where it is made.
        Type::ImplTrait(_) => Vec::new(),
        _ => default(),
    }
}

fn named(path: &Path) -> Vec<String> {
    let Some(last) = path.segments.last() else { return default() };
    let name = last.ident.to_string();
    let inner: Vec<&Type> = match &last.arguments {
        PathArguments::AngleBracketed(list) => list
            .args
            .iter()
            .filter_map(|arg| if let GenericArgument::Type(kind) = arg { Some(kind) } else { None })
            .collect(),
        _ => Vec::new(),
    };
    let each = |form: fn(&str) -> String| -> Vec<String> {
        inner.first().map(|kind| of(kind)).unwrap_or_default().iter().map(|value| form(value)).collect()
    };
    match name.as_str() {
        "bool" => words(&["true", "false"]),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => words(&["0", "1"]),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => words(&["0", "1", "-1"]),
        "f32" | "f64" => words(&["0.0", "1.0", "-1.0"]),
        "String" => words(&["String::new()", "\"xyzzy\".into()"]),
        "Cow" if inner.iter().any(|kind| kind.to_token_stream().to_string() == "str") => {
            words(&["\"\".into()", "\"xyzzy\".into()"])
        }
        "Option" => [words(&["None"]), each(|value| format!("Some({value})"))].concat(),
        "Result" => each(|value| format!("Ok({value})")),
        "Vec" => [words(&["vec![]"]), each(|value| format!("vec![{value}]"))].concat(),
        "Box" | "Rc" | "Arc" => {
            let of = name.as_str();
            inner
                .first()
                .map(|kind| self::of(kind))
                .unwrap_or_default()
                .iter()
                .map(|value| format!("{of}::new({value})"))
                .collect()
        }
        "BTreeSet" | "HashSet" => [default(), each(|value| format!("[{value}].into_iter().collect()"))].concat(),
        "BTreeMap" | "HashMap" => {
            let (keys, values) = (inner.first().map(|kind| of(kind)), inner.get(1).map(|kind| of(kind)));
            let (keys, values) = (keys.unwrap_or_default(), values.unwrap_or_default());
            let pairs = keys
                .iter()
                .flat_map(|key| values.iter().map(move |value| format!("[({key}, {value})].into_iter().collect()")));
            default().into_iter().chain(pairs).collect()
        }
        _ => default(),
    }
}

fn default() -> Vec<String> {
    words(&["Default::default()"])
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}
