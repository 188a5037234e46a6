//! The text of an expression as tokens, each with the characters that it covers.

use std::str::FromStr;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) what: What,
    /// The character at which it begins, counted from 0.
    pub(super) from: usize,
    /// The character after its last.
    pub(super) to: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A number; infinite where it is too large to be told.
    Number(f64),
    Text(String),
    Flag(bool),
    /// `null` or bytes, which nothing here is compared with.
    Odd,
    /// A name, or a part of one.
    Word(String),
    /// A sign, or `in`.
    Sign(&'static str),
    /// What is no token, and why; nothing is read after it.
    Bad(String),
    End,
}

/// A sign comes after those that it begins.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "%", "!",
    "?", ":",
];

/// Reads tokens one after the other.
pub(super) struct Tokens<'c> {
    characters: &'c [char],
    at: usize,
}

impl<'c> Tokens<'c> {
    pub(super) fn new(characters: &'c [char]) -> Self {
        Self { characters, at: 0 }
    }

    /// The next token; after the last one, the end.
    pub(super) fn next(&mut self) -> Token {
        self.skip_blank();
        let from = self.at;
        let what = self.text().or_else(|| self.number()).or_else(|| self.word()).unwrap_or_else(|| self.sign());
        let token = Token { what, from, to: self.at };
        if matches!(token.what, What::Bad(_)) {
            self.at = self.characters.len();
        }
        token
    }

    /// The characters from one place to another.
    pub(super) fn between(&self, from: usize, to: usize) -> String {
        self.characters.get(from..to).unwrap_or_default().iter().collect()
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn sees(&self, ahead: usize, is: impl Fn(&char) -> bool) -> bool {
        self.peek(ahead).is_some_and(|character| is(&character))
    }

    fn skip(&mut self, is: impl Fn(&char) -> bool) {
        while self.sees(0, &is) {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) {
        loop {
            self.skip(|character| matches!(character, ' ' | '\t' | '\r' | '\n' | '\u{c}'));
            if self.peek(0) != Some('/') || self.peek(1) != Some('/') {
                return;
            }
            self.skip(|character| *character != '\n');
        }
    }

    fn number(&mut self) -> Option<What> {
        let dotted = |tokens: &Self| tokens.peek(0) == Some('.') && tokens.sees(1, char::is_ascii_digit);
        if !self.sees(0, char::is_ascii_digit) && !dotted(self) {
            return None;
        }
        if self.peek(0) == Some('0') && self.peek(1) == Some('x') && self.sees(2, char::is_ascii_hexdigit) {
            self.at += 2;
            let from = self.at;
            self.skip(char::is_ascii_hexdigit);
            let digits = self.between(from, self.at);
            self.skip_unsigned();
            #[expect(clippy::cast_precision_loss, reason = "literals beyond 2^53 are refused")]
            let number = u64::from_str_radix(&digits, 16).map_or(f64::INFINITY, |number| number as f64);
            return Some(What::Number(number));
        }
        let from = self.at;
        self.skip(char::is_ascii_digit);
        let mut whole = true;
        if dotted(self) {
            self.at += 1;
            self.skip(char::is_ascii_digit);
            whole = false;
        }
        let sign = usize::from(matches!(self.peek(1), Some('+' | '-')));
        if matches!(self.peek(0), Some('e' | 'E')) && self.sees(1 + sign, char::is_ascii_digit) {
            self.at += 1 + sign;
            self.skip(char::is_ascii_digit);
            whole = false;
        }
        let digits = self.between(from, self.at);
        if whole {
            self.skip_unsigned();
        }
        Some(What::Number(f64::from_str(&digits).unwrap_or(f64::INFINITY)))
    }

    /// The `u` that may end a whole number; there is one kind of number.
    fn skip_unsigned(&mut self) {
        self.at += usize::from(matches!(self.peek(0), Some('u' | 'U')));
    }

    fn word(&mut self) -> Option<What> {
        if !self.sees(0, |character| character.is_ascii_alphabetic() || *character == '_') {
            return None;
        }
        let from = self.at;
        self.skip(|character| character.is_ascii_alphanumeric() || *character == '_');
        let word = self.between(from, self.at);
        Some(match word.as_str() {
            "true" => What::Flag(true),
            "false" => What::Flag(false),
            "null" => What::Odd,
            "in" => What::Sign("in"),
            _ => What::Word(word),
        })
    }

    fn sign(&mut self) -> What {
        let Some(first) = self.peek(0) else { return What::End };
        let here = |sign: &&&str| sign.chars().enumerate().all(|(ahead, part)| self.peek(ahead) == Some(part));
        if let Some(sign) = SIGNS.iter().find(here) {
            self.at += sign.len();
            return What::Sign(sign);
        }
        self.at += 1;
        let hint = match first {
            '=' if self.peek(0) == Some('<') => "; for `at most`, write `<=`",
            '=' if self.peek(0) == Some('>') => "; for `at least`, write `>=`",
            '=' => "; to compare, write `==`",
            '&' => "; for `and`, write `&&`",
            '|' => "; for `or`, write `||`",
            // A letter that only looks like one of ours shows nothing wrong.
            _ if first.is_alphabetic() => {
                let code = u32::from(first);
                return What::Bad(format!(
                    "`{first}` (U+{code:04X}) is no letter of a name; names have the letters a to z only"
                ));
            }
            _ => "",
        };
        What::Bad(format!("`{first}` means nothing here{hint}"))
    }

    /// A text: in one quote or three of a kind, after `r` with backslashes as they are.
    fn text(&mut self) -> Option<What> {
        let bytes = matches!(self.peek(0), Some('b' | 'B'));
        let raw = matches!(self.peek(usize::from(bytes)), Some('r' | 'R'));
        let begins = usize::from(bytes) + usize::from(raw);
        let quote = self.peek(begins).filter(|character| matches!(character, '"' | '\''))?;
        let three = self.peek(begins + 1) == Some(quote) && self.peek(begins + 2) == Some(quote);
        let quotes = if three { 3 } else { 1 };
        self.at += begins + quotes;
        let mut text = String::new();
        loop {
            let Some(character) = self.peek(0).filter(|character| three || !matches!(character, '\n' | '\r')) else {
                let quote = quote.to_string().repeat(quotes);
                return Some(What::Bad(format!("the text that begins here lacks its closing `{quote}`")));
            };
            if (0..quotes).all(|ahead| self.peek(ahead) == Some(quote)) {
                self.at += quotes;
                return Some(if bytes { What::Odd } else { What::Text(text) });
            }
            self.at += 1;
            match character {
                '\\' if !raw => match self.escaped() {
                    Ok(meant) => text.push(meant),
                    Err(bad) => return Some(bad),
                },
                // A line ends in one way, however the file that it comes from ends its lines.
                '\r' => {
                    self.at += usize::from(self.peek(0) == Some('\n'));
                    text.push('\n');
                }
                other => text.push(other),
            }
        }
    }

    /// What an escape stands for, after its backslash.
    fn escaped(&mut self) -> Result<char, What> {
        let from = self.at;
        let named = self.peek(0);
        self.at += 1;
        let (digits, base) = match named {
            Some('a') => return Ok('\u{7}'),
            Some('b') => return Ok('\u{8}'),
            Some('f') => return Ok('\u{c}'),
            Some('n') => return Ok('\n'),
            Some('r') => return Ok('\r'),
            Some('t') => return Ok('\t'),
            Some('v') => return Ok('\u{b}'),
            Some(itself @ ('\\' | '\'' | '"' | '`' | '?')) => return Ok(itself),
            Some('x' | 'X') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            // Three digits, of which the first says that it is a number.
            Some('0'..='3') => {
                self.at = from;
                (3, 8)
            }
            _ => (0, 0),
        };
        let first = self.at;
        let number = (0..digits)
            .try_fold(0_u32, |number, ahead| number.checked_mul(base)?.checked_add(self.peek(ahead)?.to_digit(base)?));
        let meant = number.filter(|_| digits > 0).and_then(char::from_u32);
        self.at = first + digits;
        meant.ok_or_else(|| {
            let written = self.between(from, self.at.max(from + 1));
            What::Bad(format!("`\\{written}` stands for no character; for a backslash, write `\\\\`"))
        })
    }
}
