// A region as text, for « state + events == fresh state ». What is left out, and why nothing that matters is:
// - [data-client]: what the page draws for this browser alone (the now-line, a row fading away, the filter's answer);
// - the JSON block of the public grid: the page's own arithmetic, whose effects (hours, counts, first free) are compared;
// - tabindex inside a grid or a table of links (one moving tab stop), data-vient (an hour seen leaving keeps its reason until it is reloaded);
// - the classes flash and bouge (a change shown once for the eye, gone within two seconds).
// State, words, order, links, buttons, counts, versions: everything else is kept, as it stands in the document.
(id) => {
  const copie = document.getElementById(id).cloneNode(true);
  copie.querySelectorAll('[data-client], script[type="application/json"]').forEach((e) => e.remove());
  for (const e of [copie, ...copie.querySelectorAll("*")]) {
    e.classList.remove("flash", "bouge");
    const laisses = new Set(["data-vient"]);
    if (e.closest("[data-grille], [data-parcours]")) laisses.add("tabindex");
    for (const { name, value } of [...e.attributes].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      e.removeAttribute(name);
      if (!laisses.has(name) && !(name === "class" && value === "")) e.setAttribute(name, value);
    }
  }
  return copie.outerHTML.replace(/\s+/g, " ").replace(/ ?(<[^>]*>) ?/g, "\n$1\n").replace(/\n+/g, "\n").trim();
}
