//! Lists of the fake, a page at a time: by number, and by keyset.

use serde_json::{Value, json};

use super::{Asked, Gitlab, Reply, State, missing, reply};

impl Gitlab {
    /// A folder, by keyset: the next page begins after a name.
    pub(super) fn tree(&self, state: &State, asked: &Asked) -> Reply {
        let git = &state.world.git;
        let (commit, path) = (asked.query("ref").unwrap(), asked.query("path").unwrap_or_default());
        if !git.commits.contains_key(commit) {
            return missing("Tree");
        }
        assert_eq!(asked.query("pagination"), Some("keyset"));
        let entries = git.entries(commit, path);
        if entries.is_empty() && !path.is_empty() {
            return missing("Tree");
        }
        let after = asked.query("page_token").unwrap_or_default();
        let left: Vec<_> = entries.into_iter().filter(|(name, ..)| name.as_str() > after).collect();
        let shown = &left[..left.len().min(state.page)];
        let entry = |(name, object, folder): &(String, String, bool)| {
            let full = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let (kind, mode) = if *folder { ("tree", "040000") } else { ("blob", "100644") };
            json!({"id": object, "name": name, "type": kind, "path": full, "mode": mode})
        };
        let mut answer = reply(200, &shown.iter().map(entry).collect());
        if shown.len() < left.len() {
            let next = format!(
                "<{}{}?ref={commit}&path={}&pagination=keyset&per_page=100&page_token={}>; rel=\"next\"",
                self.url().trim_end_matches("/git"),
                asked.path,
                path.replace('/', "%2F"),
                shown.last().unwrap().0
            );
            answer.headers.push(("link".to_owned(), next));
        }
        answer
    }

    /// A list, by numbers of pages. Every other page is told by its number alone, where a proxy is between.
    pub(super) fn paged(&self, asked: &Asked, state: &State, entries: &[Value]) -> Reply {
        let number = |name: &str, otherwise: usize| asked.query(name).map_or(otherwise, |text| text.parse().unwrap());
        let size = number("per_page", 20).min(100).min(state.page);
        let page = number("page", 1);
        let begin = ((page - 1) * size).min(entries.len());
        let end = (begin + size).min(entries.len());
        let mut answer = reply(200, &Value::Array(entries[begin..end].to_vec()));
        if end == entries.len() {
            answer.headers.push(("x-next-page".to_owned(), String::new()));
        } else {
            let next = (page + 1).to_string();
            if page % 2 == 0 && state.proxied {
                answer.headers.push(("x-next-page".to_owned(), next));
            } else {
                let kept = asked.query.iter().filter(|(name, _)| name != "page");
                let query: Vec<String> =
                    kept.map(|(name, value)| format!("{}={}&", plain(name), plain(value))).collect();
                let query = query.concat();
                let url = self.url();
                let next = format!("<{}{}?{query}page={next}>; rel=\"next\"", url.trim_end_matches("/git"), asked.path);
                answer.headers.push(("link".to_owned(), next));
            }
        }
        answer
    }
}

fn plain(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
