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

const I32: u8 = 0x7f;

/// A number as WebAssembly writes it (LEB128).
fn number(mut n: u32) -> Vec<u8> {
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
    number(u32::try_from(bytes.len()).expect("bombs are small"))
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], length(content), content.to_vec()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let count = number(u32::try_from(items.len()).expect("bombs are small"));
    [count, items.concat()].concat()
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
    let export = |name: &str, kind: u8, index: u8| {
        [
            length(name.as_bytes()),
            name.as_bytes().to_vec(),
            vec![kind, index],
        ]
        .concat()
    };
    let exports = [export("memory", 2, 0), export("_start", 0, entry)];
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    out.extend(section(1, &list(types)));
    out.extend(section(3, &list(&functions)));
    out.extend(section(5, &[1, 0, 1]));
    out.extend(section(7, &list(&exports)));
    out.extend(section(10, &list(bodies)));
    out
}
