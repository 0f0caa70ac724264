//! Programs made to hurt whoever reads or compiles them. Each is small and takes far more than it has bytes.
//!
//! Must not know what becomes of them.

/// A component whose first type is a component type, nested `depth` deep: three bytes for each level. Whoever reads it by
/// recursion runs out of stack.
pub fn nested_types(depth: usize) -> Vec<u8> {
    let mut types = vec![1];
    types.extend([0x41, 0x01, 0x01].repeat(depth));
    types.extend([0x41, 0x00]);
    component(&[(7, types)])
}

/// A component of components, nested `depth` deep.
pub fn nested_components(depth: usize) -> Vec<u8> {
    (0..depth).fold(component(&[]), |inner, _| component(&[(4, inner)]))
}

/// A module with one function of nested loops, in the innermost of which all its variables change: compiling it takes time in
/// proportion to the product of the two.
pub fn nested_loops(loops: usize, variables: u32) -> Vec<u8> {
    let mut code = [0x03, 0x40].repeat(loops);
    for variable in 0..variables {
        code.push(0x20);
        code.extend(number(variable));
        code.extend([0x41, 0x01, 0x6a, 0x21]);
        code.extend(number(variable));
    }
    code.extend([0x20, 0x00, 0x0d, 0x00, 0x0b].repeat(loops));
    let mut locals = vec![1];
    locals.extend(number(variables));
    locals.push(I32);
    module(&[function_type(0)], &[0], &[body(&locals, &code)], 0)
}

/// A module with one function that calls another, of a thousand parameters and results, `calls` times: two bytes each, and a
/// thousand values to move. Compiling it takes memory.
pub fn many_values(calls: usize) -> Vec<u8> {
    const VALUES: u32 = 1000;
    let mut code = [0x41, 0x00].repeat(VALUES as usize);
    code.extend([0x10, 0x00].repeat(calls));
    code.extend([0x1a].repeat(VALUES as usize));
    let mut identity = Vec::new();
    for value in 0..VALUES {
        identity.push(0x20);
        identity.extend(number(value));
    }
    let types = [function_type(VALUES), function_type(0)];
    module(
        &types,
        &[0, 1],
        &[body(&[0], &identity), body(&[0], &code)],
        1,
    )
}

/// A module with one function of blocks (`0x02`) or loops (`0x03`), nested `depth` deep.
pub fn nested_blocks(kind: u8, depth: usize) -> Vec<u8> {
    let code = [[kind, 0x40].repeat(depth), [0x0b].repeat(depth)].concat();
    with_code(&[0], &code)
}

/// A module with one function of conditions, nested `depth` deep.
pub fn nested_conditions(depth: usize) -> Vec<u8> {
    let code = [
        [0x20, 0x00, 0x04, 0x40].repeat(depth),
        [0x05, 0x0b].repeat(depth),
    ];
    with_code(&[1, 1, I32], &code.concat())
}

/// A module with one jump to one of `targets` targets.
pub fn wide_jump(targets: usize) -> Vec<u8> {
    let begin = [0x02, 0x40, 0x41, 0x00, 0x0e].to_vec();
    let code = [begin, count(targets), vec![0; targets + 1], vec![0x0b]];
    with_code(&[0], &code.concat())
}

/// A module whose function says that it has `groups` times `each` variables.
pub fn many_variables(groups: usize, each: u32) -> Vec<u8> {
    let group = [number(each), vec![I32]].concat();
    let locals = [count(groups), group.repeat(groups)].concat();
    with_code(&locals, &[])
}

/// A module with a list of `many` of something: types, imports, functions, globals, exports, elements or pieces of data, by the
/// number of their section.
pub fn many(section: u8, many: usize) -> Vec<u8> {
    let wasi = [
        text("wasi_snapshot_preview1"),
        text("sched_yield"),
        vec![0, 1],
    ]
    .concat();
    let items = |item: &[u8]| [count(many), item.repeat(many)].concat();
    let mut sections = vec![
        (1, list(&[function_type(0), [0x60, 0, 1, I32].to_vec()])),
        (3, vec![1, 0]),
        (4, vec![1, 0x70, 0, 1]),
        (5, MEMORY.to_vec()),
        (7, exports(0)),
        (10, list(&[body(&[0], &[])])),
    ];
    let mut put = |id: u8, content: Vec<u8>| {
        sections.retain(|(other, _)| *other != id);
        sections.push((id, content));
    };
    match section {
        1 => put(1, items(&[0x60, 0, 0])),
        2 => put(2, items(&wasi)),
        3 => {
            put(3, items(&[0]));
            put(10, items(&[2, 0, 0x0b]));
        }
        6 => put(6, items(&[I32, 1, 0x41, 0, 0x0b])),
        7 => {
            let named = (0..many).map(|n| export(&format!("e{n}"), 0, 0));
            put(7, list(&named.collect::<Vec<_>>()));
        }
        9 => put(9, items(&[0, 0x41, 0, 0x0b, 1, 0])),
        _ => put(11, items(&[0, 0x41, 0, 0x0b, 1, b'x'])),
    }
    sections.sort_by_key(|(id, _)| *id);
    core(&sections)
}

/// A module with an element segment of `many` functions and a table that claims to have `room` for them.
pub fn large_table(many: usize, room: u32) -> Vec<u8> {
    core(&[
        (1, list(&[function_type(0)])),
        (3, vec![1, 0]),
        (4, [vec![1, 0x70, 0], number(room)].concat()),
        (5, MEMORY.to_vec()),
        (7, exports(0)),
        (
            9,
            [vec![1, 0, 0x41, 0, 0x0b], count(many), vec![0; many]].concat(),
        ),
        (10, list(&[body(&[0], &[])])),
    ])
}

/// A module with one group of `many` types that may refer to each other.
pub fn recursive_types(many: usize) -> Vec<u8> {
    let group = [vec![0x4e], count(many), [0x60, 0, 0].repeat(many)].concat();
    core(&[(1, list(&[group]))])
}

/// A component of `many` other names for one type.
pub fn aliases(many: usize) -> Vec<u8> {
    let names = [count(many), [0x03, 0x02, 0x00, 0x00].repeat(many)].concat();
    component(&[(7, vec![1, 0x79]), (6, names)])
}

/// The module with names for its first function: one whose C++ form grows with the power of `levels` to the base `width`.
pub fn named(mut module: Vec<u8>, levels: usize, width: usize) -> Vec<u8> {
    let earlier = |n: usize| match n {
        0 => "S_".to_owned(),
        n => format!("S{:X}_", n - 1),
    };
    let mut name = format!("_Z1f1aI{}E", "i".repeat(width));
    for level in 1..=levels.min(16) {
        name.push_str(&format!("S_I{}E", earlier(level).repeat(width)));
    }
    let function = [vec![0], text(&name)].concat();
    let names = list(&[function]);
    let names = [vec![1], length(&names), names].concat();
    module.extend(section(0, &[text("name"), names].concat()));
    module
}

/// A module with that code as its only function.
fn with_code(locals: &[u8], code: &[u8]) -> Vec<u8> {
    module(&[function_type(0)], &[0], &[body(locals, code)], 0)
}

fn count(n: usize) -> Vec<u8> {
    number(u32::try_from(n).expect("bombs are small"))
}

const I32: u8 = 0x7f;

/// A number as WebAssembly writes it (LEB128).
pub(crate) fn number(mut n: u32) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn length(bytes: &[u8]) -> Vec<u8> {
    count(bytes.len())
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], length(content), content.to_vec()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [count(items.len()), items.concat()].concat()
}

fn component(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    for (id, content) in sections {
        out.extend(section(*id, content));
    }
    out
}

/// A function type with so many parameters and results.
fn function_type(values: u32) -> Vec<u8> {
    let list = [number(values), vec![I32; values as usize]].concat();
    [vec![0x60], list.clone(), list].concat()
}

fn body(locals: &[u8], code: &[u8]) -> Vec<u8> {
    let whole = [locals, code, &[0x0b]].concat();
    [length(&whole), whole].concat()
}

/// A module with functions of these types, of which one is its entry point.
fn module(types: &[Vec<u8>], functions: &[u8], bodies: &[Vec<u8>], entry: u8) -> Vec<u8> {
    let functions: Vec<Vec<u8>> = functions.iter().map(|index| vec![*index]).collect();
    core(&[
        (1, list(types)),
        (3, list(&functions)),
        (5, MEMORY.to_vec()),
        (7, exports(entry)),
        (10, list(bodies)),
    ])
}

/// A module of these sections.
fn core(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let sections = sections.iter();
    let sections = sections.map(|(id, content)| section(*id, content));
    [vec![b"\0asm\x01\0\0\0".to_vec()], sections.collect()]
        .concat()
        .concat()
}

/// The content of the section for one memory of one page.
const MEMORY: &[u8] = &[1, 0, 1];

/// The content of the section that exports the memory and the entry point.
fn exports(entry: u8) -> Vec<u8> {
    list(&[export("memory", 2, 0), export("_start", 0, entry)])
}

fn export(name: &str, kind: u8, index: u8) -> Vec<u8> {
    [text(name), vec![kind, index]].concat()
}

fn text(text: &str) -> Vec<u8> {
    [length(text.as_bytes()), text.as_bytes().to_vec()].concat()
}
