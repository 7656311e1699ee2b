// What is said to a screen reader, politely, and what flashes once for the eye.

const INTERVALLE = 1200;
const file = [];
let minuteur = 0;

function dire() {
  const zone = document.getElementById("annonces");
  if (!zone || file.length === 0) {
    minuteur = 0;
    return;
  }
  const texte = file.length > 3 ? `${file.length} changements sur cette page` : file.shift();
  if (file.length > 3) file.length = 0;
  zone.textContent = "";
  // A text set in the same task as its erasure is not read again.
  setTimeout(() => { zone.textContent = texte; }, 50);
  minuteur = setTimeout(dire, INTERVALLE);
}

/** Queue a sentence for the polite live region. More than three waiting ones become a count. */
export function annoncer(texte) {
  if (!texte) return;
  file.push(texte);
  if (!minuteur) dire();
}

/** Say nothing more of what this page showed. */
export function taire() {
  file.length = 0;
  document.getElementById("annonces")?.replaceChildren();
}

/** Flash an element once (a change made by somebody else). */
export function flasher(element) {
  element.classList.remove("flash");
  void element.offsetWidth;
  element.classList.add("flash");
  setTimeout(() => element.classList.remove("flash"), 1700);
}

let departs = 0;

/** Remove an element with a short fade, at once where motion is reduced or the page is not seen. */
export function effacer(element) {
  if (document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    element.remove();
    return;
  }
  for (const nom of ["data-rdv", "data-etat"]) element.removeAttribute(nom);
  // A name of its own: a fragment laid meanwhile must not take it for what it brings in that place.
  element.id = `part-${(departs += 1)}`;
  element.setAttribute("data-client", "");
  element.inert = true;
  element.classList.add("part");
  setTimeout(() => element.remove(), 400);
}
