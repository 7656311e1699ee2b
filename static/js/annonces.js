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

/** How long a visible sentence stays, in milliseconds; it then waits while it is pointed at or has the focus. */
const DUREE = 10_000;
const SURSIS = 2000;

function zoneDits() {
  let zone = document.getElementById("faits-usager");
  if (!zone) {
    zone = document.createElement("div");
    zone.id = "faits-usager";
    zone.className = "avis";
    document.querySelector("main").append(zone);
  }
  return zone;
}

/**
 * Show a sentence at the bottom of the window for a while, and say it once. `alerte`: something was undone; it takes the
 * focus and stays until it is closed, so that a key meant for what is no more acts on nothing. `ensuite`: where the focus goes.
 */
export function montrer(texte, { alerte = false, ensuite = null } = {}) {
  const p = document.createElement("p");
  p.className = `fait-usager dit${alerte ? " dit--alerte" : ""}`;
  p.dataset.dit = "";
  p.append(texte);
  const fermer = document.createElement("button");
  fermer.type = "button";
  fermer.className = "fr-btn fr-btn--tertiary-no-outline fr-btn--sm fr-icon-close-line";
  fermer.textContent = "Fermer";
  const oter = () => {
    const focus = p.contains(document.activeElement);
    p.remove();
    if (focus) ensuite?.();
  };
  fermer.addEventListener("click", oter);
  p.append(" ", fermer);
  zoneDits().replaceChildren(p);
  if (alerte) {
    p.tabIndex = -1;
    p.setAttribute("role", "alert");
    p.addEventListener("keydown", (e) => { if (e.key === "Escape") oter(); });
    p.focus({ preventScroll: true });
    return;
  }
  annoncer(texte);
  const partir = () => (p.matches(":hover, :focus-within") ? setTimeout(partir, SURSIS) : p.remove());
  setTimeout(partir, DUREE);
}

/** Say nothing more of what this page showed. */
export function taire() {
  file.length = 0;
  document.getElementById("annonces")?.replaceChildren();
  document.querySelector("[data-dit]")?.remove();
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
