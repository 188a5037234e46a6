//! Where a file can be wrong, and how: what functions return, operators, guards and arms of `match`.
//!
//! What macros are given (`matches!`, `format!`) is not looked into, and no constants are changed.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, BinOp, Block, Expr, Pat, ReturnType, Signature, Stmt, Type, UnOp};

use crate::values;
use crate::weave::{Woven, mark};

/// One mistake that the code can be told to make.
#[derive(Debug)]
pub struct Mutant {
    /// What the switch is set to for it; from 1 on.
    pub id: usize,
    /// The file, from the project's folder.
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// In words.
    pub what: String,
}

impl Mutant {
    /// Whether a place, as `gates.rs:175` or `gates.rs`, is its own.
    pub fn is_at(&self, place: &str) -> bool {
        let (file, line) = place.split_once(':').map_or((place, None), |(file, line)| (file, Some(line)));
        (self.file == file || self.file.ends_with(&format!("/{file}")))
            && line.is_none_or(|line| line == self.line.to_string())
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

/// A file with all its mutants but those that the compiler refuses.
pub fn woven(file: &str, text: &str, mutants: &mut Vec<Mutant>, dropped: &BTreeSet<usize>) -> Result<String, String> {
    let parsed = syn::parse_file(text).map_err(|why| format!("{file}: {why}"))?;
    let mut sites = Sites { file, mutants, dropped, within: Vec::new(), woven: Woven::default() };
    sites.visit_file(&parsed);
    Ok(sites.woven.over(text))
}

struct Sites<'a> {
    file: &'a str,
    mutants: &'a mut Vec<Mutant>,
    dropped: &'a BTreeSet<usize>,
    /// The functions around.
    within: Vec<String>,
    woven: Woven,
}

impl Sites<'_> {
    /// The number of one more mutant, unless the compiler refuses it.
    fn offer(&mut self, span: Span, what: &str) -> Option<usize> {
        let (id, start) = (self.mutants.len() + 1, span.start());
        let place = self.within.last().map(|name| format!(" in {name}")).unwrap_or_default();
        self.mutants.push(Mutant {
            id,
            file: self.file.to_owned(),
            line: start.line,
            column: start.column + 1,
            what: format!("{what}{place}"),
        });
        (!self.dropped.contains(&id)).then_some(id)
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        self.within.push(signature.ident.to_string());
        self.body(signature, block);
        visit::visit_block(self, block);
        self.within.pop();
    }

    /// What it returns in place of what it should.
    fn body(&mut self, signature: &Signature, block: &Block) {
        // A default in place of a default is none.
        if block.stmts.is_empty() || signature.ident == "default" {
            return;
        }
        let whole = match &block.stmts[..] {
            [Stmt::Expr(only, None)] => Some(compact(only)),
            _ => None,
        };
        for value in values::returned(&signature.output) {
            if whole.as_deref() == Some(&without_space(&value)) {
                continue;
            }
            if let Some(id) = self.offer(signature.ident.span(), &format!("return {value}")) {
                let text = format!("\nif crate::mutant::on({id}) {{ return {value}; }} {}\n", mark(id));
                self.woven.open(bytes(block.brace_token.span.open()).end, text);
            }
        }
        let unnamed = matches!(&signature.output, ReturnType::Type(_, kind) if is_iterator(kind));
        if let (true, Some(Stmt::Expr(last, None))) = (unnamed, block.stmts.last())
            && let Some(id) = self.offer(signature.ident.span(), "return an iterator of nothing")
        {
            let place = bytes(last.span());
            self.woven.open(place.start, "(".to_owned());
            self.woven.late(place.end, format!(").filter(move |_| !crate::mutant::on({id})) {}\n", mark(id)));
        }
    }

    /// Both operands stand once for each operator that may be there, of which the switch chooses one.
    fn binary(&mut self, whole: &syn::ExprBinary, others: &[&str]) {
        let operator = whole.op.to_token_stream().to_string();
        let mut choices = String::new();
        for other in others {
            if let Some(id) = self.offer(whole.op.span(), &format!("replace {operator} with {other}")) {
                choices.push_str(&format!("\n{id} {other} {}", mark(id)));
            }
        }
        if choices.is_empty() {
            return visit::visit_expr_binary(self, whole);
        }
        self.woven.open(bytes(whole.span()).start, "(crate::mutant::choose!({".to_owned());
        self.visit_expr(&whole.left);
        self.woven.instead(bytes(whole.op.span()), format!("}} {operator} {{"));
        self.visit_expr(&whole.right);
        self.woven.close(bytes(whole.span()).end, format!("}}{choices}\n))"));
    }

    /// Neither operand stands twice: chains are long, and would double with each link.
    fn lazy(&mut self, whole: &syn::ExprBinary, other: &str, shows: &str) {
        let operator = whole.op.to_token_stream().to_string();
        // `let` cannot stand under `||`.
        let chain = has_let(&whole.left) || has_let(&whole.right);
        let offered =
            if chain { None } else { self.offer(whole.op.span(), &format!("replace {operator} with {other}")) };
        let Some(id) = offered else { return visit::visit_expr_binary(self, whole) };
        self.woven.open(bytes(whole.span()).start, format!("({{ let __left: bool = {}\n", mark(id)));
        self.visit_expr(&whole.left);
        let goes_on = format!("; if __left {shows} crate::mutant::on({id}) {{ {}\n", mark(id));
        self.woven.instead(bytes(whole.op.span()), goes_on);
        self.visit_expr(&whole.right);
        self.woven.close(bytes(whole.span()).end, "} else { __left } })".to_owned());
    }

    fn guard(&mut self, guard: &Expr) {
        let place = bytes(guard.span());
        let always = if has_let(guard) { None } else { self.offer(guard.span(), "replace a guard with true") };
        let never = self.offer(guard.span(), "replace a guard with false");
        let always = always.map(|id| format!("crate::mutant::on({id}) || {}\n", mark(id))).unwrap_or_default();
        let never = never.map(|id| format!("!crate::mutant::on({id}) && {}\n", mark(id))).unwrap_or_default();
        if has_let(guard) {
            self.woven.open(place.start, never);
            return self.visit_expr(guard);
        }
        self.woven.open(place.start, format!("({always}{never}("));
        self.visit_expr(guard);
        self.woven.close(place.end, "))".to_owned());
    }
}

impl<'ast> Visit<'ast> for Sites<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
    }

    // What the compiler works out itself can ask no switch.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_expr_binary(&mut self, whole: &'ast syn::ExprBinary) {
        match whole.op {
            BinOp::And(_) => self.lazy(whole, "||", "!="),
            BinOp::Or(_) => self.lazy(whole, "&&", "=="),
            BinOp::Eq(_) => self.binary(whole, &["!="]),
            BinOp::Ne(_) => self.binary(whole, &["=="]),
            BinOp::Lt(_) => self.binary(whole, &["==", ">", "<="]),
            BinOp::Gt(_) => self.binary(whole, &["==", "<", ">="]),
            BinOp::Le(_) => self.binary(whole, &["<", ">"]),
            BinOp::Ge(_) => self.binary(whole, &[">", "<"]),
            BinOp::Add(_) => self.binary(whole, &["-", "*"]),
            BinOp::Sub(_) => self.binary(whole, &["+", "/"]),
            BinOp::Mul(_) => self.binary(whole, &["+", "/"]),
            BinOp::Div(_) => self.binary(whole, &["%", "*"]),
            BinOp::Rem(_) => self.binary(whole, &["/", "+"]),
            BinOp::BitAnd(_) => self.binary(whole, &["|", "^"]),
            BinOp::BitOr(_) => self.binary(whole, &["&", "^"]),
            BinOp::BitXor(_) => self.binary(whole, &["&", "|"]),
            BinOp::Shl(_) => self.binary(whole, &[">>"]),
            BinOp::Shr(_) => self.binary(whole, &["<<"]),
            BinOp::AddAssign(_) => self.binary(whole, &["-=", "*="]),
            BinOp::SubAssign(_) => self.binary(whole, &["+=", "/="]),
            BinOp::BitOrAssign(_) => self.binary(whole, &["&=", "^="]),
            BinOp::BitAndAssign(_) => self.binary(whole, &["|=", "^="]),
            _ => visit::visit_expr_binary(self, whole),
        }
    }

    fn visit_expr_unary(&mut self, whole: &'ast syn::ExprUnary) {
        let sign = match whole.op {
            UnOp::Not(_) => "!",
            UnOp::Neg(_) => "-",
            _ => return visit::visit_expr_unary(self, whole),
        };
        let Some(id) = self.offer(whole.op.span(), &format!("delete {sign}")) else {
            return visit::visit_expr_unary(self, whole);
        };
        self.woven.open(bytes(whole.span()).start, format!("\n(crate::mutant::without!({id}, {}\n", mark(id)));
        self.woven.instead(bytes(whole.op.span()), format!("{sign} "));
        self.visit_expr(&whole.expr);
        self.woven.close(bytes(whole.span()).end, "))".to_owned());
    }

    fn visit_expr_match(&mut self, whole: &'ast syn::ExprMatch) {
        self.visit_expr(&whole.expr);
        let is_rest = |arm: &Arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none();
        let rest = whole.arms.iter().any(is_rest);
        for arm in &whole.arms {
            match &arm.guard {
                Some((_, guard)) => self.guard(guard),
                // Without an arm for the rest, the others may not go.
                None if rest && !is_rest(arm) => {
                    let pattern = compact(&arm.pat);
                    if let Some(id) = self.offer(arm.pat.span(), &format!("delete the arm `{pattern}`")) {
                        let never = format!(" if !crate::mutant::on({id}) {}\n", mark(id));
                        self.woven.close(bytes(arm.pat.span()).end, never);
                    }
                }
                None => {}
            }
            self.visit_expr(&arm.body);
        }
    }
}

fn is_iterator(kind: &Type) -> bool {
    matches!(kind, Type::ImplTrait(_)) && kind.to_token_stream().to_string().contains("Iterator")
}

/// Whether a condition binds names, as `let Some(x) = y && x`.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => matches!(binary.op, BinOp::And(_)) && (has_let(&binary.left) || has_let(&binary.right)),
        _ => false,
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

fn compact(tokens: &impl ToTokens) -> String {
    without_space(&tokens.to_token_stream().to_string())
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}
