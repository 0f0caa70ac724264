//! Valid modules of random code: every kind of control flow, arithmetic on all types, memory, tables, calls.
//!
//! They compute nothing and may trap, recurse or never end.

use crate::random::Random;
use crate::wat_guest::module;
use std::fmt::Write as _;

const FUNCTIONS: usize = 5;
/// Each function has so many parameters and so many more variables of each type.
const VARIABLES: usize = 3;
const TYPES: [&str; 4] = ["i32", "i64", "f32", "f64"];

/// A module with an entry point that calls functions of about `size` instructions.
pub fn random_program(random: &mut Random, size: usize) -> Vec<u8> {
    let mut text = "(module (memory (export \"memory\") 1 100) (table $t 8 20 funcref) (elem (i32.const 0) func 0 1 2 3 4)
        (global $g (mut i32) (i32.const 7)) (type $f (func (param i32 i64 f32 f64) (result i32)))\n"
        .to_owned();
    for function in 0..FUNCTIONS {
        let _ = write!(text, "(func $f{function} (type $f) (local");
        for _ in 1..VARIABLES {
            text.push_str(" i32 i64 f32 f64");
        }
        text.push_str(")\n");
        let mut code = Code {
            random,
            left: size,
            depth: 0,
        };
        for _ in 0..4 {
            let statement = code.statement();
            text.push_str(&statement);
        }
        let result = code.value(0);
        let _ = writeln!(text, "{result})");
    }
    let call = "(drop (call $f0 (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)))";
    let _ = write!(text, "(func (export \"_start\") {call}))");
    module(&text)
}

struct Code<'r> {
    random: &'r mut Random,
    /// Instructions that there is room for.
    left: usize,
    /// How many blocks there are around.
    depth: usize,
}

impl Code<'_> {
    /// Takes one of the instructions that there is room for.
    fn room(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn variable(&mut self, of: usize) -> usize {
        self.random.below(VARIABLES) * TYPES.len() + of
    }

    /// An expression of the type with this number.
    fn value(&mut self, of: usize) -> String {
        let name = TYPES[of];
        if !self.room() || self.random.one_in(4) {
            return match self.random.below(3) {
                0 => format!("({name}.const {})", self.random.below(1 << 20)),
                1 if of < 2 => format!("({name}.const -{})", self.random.below(1 << 31)),
                _ => format!("(local.get {})", self.variable(of)),
            };
        }
        match self.random.below(8) {
            0 => {
                let (yes, no, which) = (self.value(of), self.value(of), self.value(0));
                format!("(select {yes} {no} {which})")
            }
            1 => format!("({name}.load {})", self.value(0)),
            2 => {
                let variable = self.variable(of);
                format!("(local.tee {variable} {})", self.value(of))
            }
            3 => {
                let (which, yes, no) = (self.value(0), self.value(of), self.value(of));
                format!("(if (result {name}) {which} (then {yes}) (else {no}))")
            }
            4 => self.converted(of),
            5 if of == 0 => self.call(),
            _ => {
                let operator = match of {
                    0 | 1 => *self
                        .random
                        .pick(&["add", "mul", "div_s", "rem_u", "shl", "rotr", "xor"]),
                    _ => *self.random.pick(&["add", "mul", "div", "min", "copysign"]),
                };
                format!("({name}.{operator} {} {})", self.value(of), self.value(of))
            }
        }
    }

    fn converted(&mut self, of: usize) -> String {
        let (operator, from) = *match of {
            0 => self.random.pick(&[
                ("i32.wrap_i64", 1),
                ("i32.trunc_f64_s", 3),
                ("i32.reinterpret_f32", 2),
            ]),
            1 => self.random.pick(&[
                ("i64.extend_i32_s", 0),
                ("i64.trunc_sat_f32_u", 2),
                ("i64.popcnt", 1),
            ]),
            2 => self.random.pick(&[
                ("f32.convert_i64_u", 1),
                ("f32.demote_f64", 3),
                ("f32.sqrt", 2),
            ]),
            _ => self.random.pick(&[
                ("f64.convert_i32_s", 0),
                ("f64.promote_f32", 2),
                ("f64.nearest", 3),
            ]),
        };
        format!("({operator} {})", self.value(from))
    }

    fn call(&mut self) -> String {
        let arguments: Vec<String> = (0..TYPES.len()).map(|of| self.value(of)).collect();
        let arguments = arguments.join(" ");
        match self.random.below(5) {
            0 => "(memory.grow (i32.const 1))".to_owned(),
            1 => "(table.grow $t (ref.func 0) (i32.const 1))".to_owned(),
            2 => format!("(call_indirect $t (type $f) {arguments} {})", self.value(0)),
            _ => format!("(call $f{} {arguments})", self.random.below(FUNCTIONS)),
        }
    }

    fn statement(&mut self) -> String {
        let of = self.random.below(TYPES.len());
        let name = TYPES[of];
        if !self.room() || self.depth > 200 {
            return "nop\n".to_owned();
        }
        match self.random.below(9) {
            0 => format!("({name}.store {} {})\n", self.value(0), self.value(of)),
            1 => format!("(drop {})\n", self.value(of)),
            2 => format!("(global.set $g {})\n", self.value(0)),
            3 if self.depth > 0 => {
                let (to, whether) = (self.random.below(self.depth), self.value(0));
                format!("(br_if {to} {whether})\n")
            }
            4 if self.depth > 0 => {
                let targets: Vec<String> = (0..=self.random.below(20))
                    .map(|_| self.random.below(self.depth).to_string())
                    .collect();
                format!("(br_table {} {})\n", targets.join(" "), self.value(0))
            }
            5 | 6 => self.block(),
            _ => {
                let variable = self.variable(of);
                format!("(local.set {variable} {})\n", self.value(of))
            }
        }
    }

    fn block(&mut self) -> String {
        let condition = match self.random.one_in(3) {
            true => Some(self.value(0)),
            false => None,
        };
        self.depth += 1;
        let inner: Vec<String> = (0..=self.random.below(4))
            .map(|_| self.statement())
            .collect();
        self.depth -= 1;
        let inner = inner.concat();
        match condition {
            Some(condition) => format!("(if {condition} (then {inner}))\n"),
            None if self.random.one_in(2) => format!("(loop {inner})\n"),
            None => format!("(block {inner})\n"),
        }
    }
}
