// Compare a live region with a fresh fragment: same decorations of the clock, same order of attributes, without what
// belongs to this browser alone (tab stops, flashes, filters, the now-line, ghosts that fade).
async ({ url, id }) => {
  const { decorer, maintenant } = await import("/static/js/horloge.js");
  const { ranger } = await import("/static/js/rangement.js");
  const propres = new Set(["tabindex", "data-vient", "data-filtre-cache", "data-seule", "data-jour-affiche"]);
  const normaliser = (racine, instant) => {
    const copie = racine.cloneNode(true);
    decorer(copie, instant);
    ranger(copie, instant);
    copie.querySelectorAll("[data-client], script").forEach((e) => e.remove());
    for (const e of [copie, ...copie.querySelectorAll("*")]) {
      e.classList.remove("flash");
      for (const { name, value } of [...e.attributes].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        e.removeAttribute(name);
        if (!propres.has(name) && !(name === "class" && value === "")) e.setAttribute(name, value);
      }
    }
    return copie.outerHTML.replace(/\s+/g, " ").replace(/> </g, "><").replace(/></g, ">\n<");
  };
  const texte = await (await fetch(url, { cache: "no-store" })).text();
  const frais = new DOMParser().parseFromString(texte, "text/html").getElementById(id);
  const instant = maintenant();
  return [normaliser(document.getElementById(id), instant), normaliser(frais, instant)];
}
