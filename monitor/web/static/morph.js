// Updates the displayed nodes to newer ones, changing only what differs, so that focus, selections, open details and
// scroll positions are kept. Elements are matched by id or data-key, others by position.

const keyOf = (node) => node.nodeType === 1 ? node.id || node.dataset.key || null : null;
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

export function morph(shown, newer) {
  const keyed = new Map();
  for (const child of shown.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = shown.firstChild;
  for (const want of [...newer.childNodes]) {
    const key = keyOf(want);
    let have = key ? keyed.get(key) : at;
    if (have && !alike(have, want)) have = null;
    if (!have) {
      at = insert(shown, want, at);
    } else {
      if (have !== at) shown.insertBefore(have, at);
      update(have, want);
      at = have.nextSibling;
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function insert(parent, want, before) {
  parent.insertBefore(document.importNode(want, true), before);
  return before;
}

function update(have, want) {
  if (have.nodeType !== 1) {
    if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    return;
  }
  for (const { name } of [...have.attributes]) {
    if (!want.hasAttribute(name) && !isTheReaders(have, name)) have.removeAttribute(name);
  }
  for (const { name, value } of want.attributes) {
    if (have.getAttribute(name) !== value && !isTheReaders(have, name)) have.setAttribute(name, value);
  }
  // Drawn charts are not part of the newer nodes.
  if (!have.hasAttribute("data-drawn")) morph(have, want);
}

function isTheReaders(node, name) {
  return (node.nodeName === "DETAILS" && name === "open") || (node.nodeName === "INPUT" && name === "value")
    || name === "data-drawn";
}
