//! What WasmOutboundLimit, WasmReuse and WasmTempDir share: arguments of the form `name=value`, in any order. Must not know which
//! names there are.

/// Takes `values` apart and gives each to `take`, which answers `None` for a name that it does not know. `known` is how
/// the names are listed in an error. Names are in any case; none may stand twice, since one of the two would be void.
pub(super) fn each<'a>(
    values: &[&'a str],
    known: &str,
    mut take: impl FnMut(&str, &'a str) -> Option<Result<(), String>>,
) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    for text in values {
        let unknown = || format!("\"{text}\" is not one of {known}");
        let (name, value) = text.split_once('=').ok_or_else(unknown)?;
        let name = name.to_ascii_lowercase();
        take(&name, value)
            .ok_or_else(unknown)?
            .map_err(|reason| format!("{name}: {reason}"))?;
        if seen.contains(&name) {
            return Err(format!("{name} stands twice"));
        }
        seen.push(name);
    }
    Ok(())
}
