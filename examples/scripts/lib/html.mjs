// What pages need: escaping, and the fields of a query.

// Makes text safe inside elements and quoted attributes.
export function escape(text) {
  const names = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };
  return text.replace(/[&<>"']/g, (character) => `&${names[character]};`);
}

// The fields of an urlencoded text, as an object; of several with one name, the last.
export function fields(encoded) {
  const decode = (text) => {
    try {
      return decodeURIComponent(text.replace(/\+/g, " "));
    } catch {
      return text;
    }
  };
  const pairs = encoded.split("&").filter(Boolean).map((piece) => {
    const at = piece.indexOf("=");
    return at < 0 ? [piece, ""] : [piece.slice(0, at), piece.slice(at + 1)];
  });
  return Object.fromEntries(pairs.map((pair) => pair.map(decode)));
}
