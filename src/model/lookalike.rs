//! Names that look like others: to the eye, or to a forge that tells capitals apart nowhere.

use unicode_normalization::UnicodeNormalization as _;

use super::notable::is_deceptive;

/// What a name looks like: in compatibility form, in small letters, without what does not show, without blanks and
/// punctuation, with the letters of other scripts that look like ours as ours.
#[must_use]
pub fn skeleton(name: &str) -> String {
    let shown = name.nfkc().filter(|character| !is_deceptive(*character)).flat_map(char::to_lowercase);
    shown.map(latin).filter(|character| character.is_alphanumeric()).collect()
}

/// The Latin letter or digit that a letter looks like (the commonest of Unicode TR 39).
#[must_use]
pub fn latin(character: char) -> char {
    match character {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'є' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' | 'ї' | '1' | 'l' | '|' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'σ' | '0' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' | '5' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' | 'μ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        other => other,
    }
}
