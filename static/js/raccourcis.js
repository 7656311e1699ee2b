// Single-key shortcuts: listed by `?`, and they can be turned off for good (WCAG 2.1.4).

const MEMOIRE = "accueil:raccourcis";
const liste = new Map();

/** True unless this person turned single-key shortcuts off. */
export const actifs = () => lire() !== "non";

function lire() {
  try {
    return localStorage.getItem(MEMOIRE);
  } catch {
    return null;
  }
}

function ecrire(valeur) {
  try {
    localStorage.setItem(MEMOIRE, valeur);
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
}

/** Declare a key: `faire(e)` returns true when it took it. `touche` is shown in the help with `texte`. */
export function raccourci(touche, texte, faire) {
  liste.set(touche, { texte, faire });
}

/** Declare a key that only the help lists (arrows, Enter). */
export function mentionner(touche, texte) {
  liste.set(touche, { texte, faire: null });
}

const saisit = (e) => e.target instanceof Element
  && (e.target.matches("input, select, textarea") || e.target.isContentEditable || e.target.closest("dialog[open]"));

document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || saisit(e) || !actifs()) return;
  const trouve = liste.get(e.key);
  if (trouve?.faire && trouve.faire(e)) e.preventDefault();
});

/** The page of the documentation that explains this screen, as the header links it. */
function lienAide() {
  const source = document.querySelector("[data-aide]");
  if (!source) return [];
  const p = document.createElement("p");
  const lien = document.createElement("a");
  lien.className = "fr-link";
  lien.href = source.href;
  lien.target = "_blank";
  lien.rel = "noopener";
  lien.title = source.title;
  lien.textContent = "Lire l’aide de cet écran";
  p.append(lien);
  return [p];
}

function construire() {
  const dialogue = document.createElement("dialog");
  dialogue.className = "raccourcis";
  dialogue.setAttribute("aria-labelledby", "raccourcis-titre");
  const titre = document.createElement("h2");
  titre.id = "raccourcis-titre";
  titre.className = "fr-h4";
  titre.textContent = "Raccourcis clavier";
  const dl = document.createElement("dl");
  for (const [touche, { texte }] of liste) {
    const dt = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = touche;
    dt.append(kbd);
    const dd = document.createElement("dd");
    dd.textContent = texte;
    dl.append(dt, dd);
  }
  const groupe = document.createElement("div");
  groupe.className = "fr-checkbox-group fr-mb-3w";
  const case_ = document.createElement("input");
  case_.type = "checkbox";
  case_.id = "raccourcis-actifs";
  case_.checked = actifs();
  case_.addEventListener("change", () => ecrire(case_.checked ? "oui" : "non"));
  const libelle = document.createElement("label");
  libelle.className = "fr-label";
  libelle.htmlFor = case_.id;
  libelle.textContent = "Utiliser les raccourcis d’une seule touche";
  groupe.append(case_, libelle);
  const fermer = document.createElement("button");
  fermer.type = "button";
  fermer.className = "fr-btn";
  fermer.textContent = "Fermer";
  fermer.addEventListener("click", () => dialogue.close());
  dialogue.append(titre, dl, ...lienAide(), groupe, fermer);
  dialogue.addEventListener("close", () => dialogue.remove());
  document.querySelector("main").append(dialogue);
  return dialogue;
}

/** Open the list, with the switch. */
export function montrer() {
  if (!document.querySelector("dialog.raccourcis")) construire().showModal();
  return true;
}

raccourci("?", "Afficher cette aide", montrer);
raccourci("/", "Aller à la recherche", () => {
  const champ = document.querySelector("[data-recherche]");
  champ?.focus();
  champ?.select?.();
  return Boolean(champ);
});
for (const bouton of document.querySelectorAll("[data-raccourcis]")) {
  bouton.hidden = false;
  bouton.addEventListener("click", montrer);
}
