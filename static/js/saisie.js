// A page that answers a form takes the address that shows it without sending anything again (meta "adresse"): back, forward
// and reload then never meet the browser's « send again? » page. What was typed is kept for that history entry, in this
// tab only, until the form is accepted, and put back when the entry is shown again.

import { annoncer } from "./annonces.js";

const MEMOIRE = "accueil:saisie:";
const DUREE = 3_600_000;
const form = document.querySelector("form[data-saisie]");
const garde = (e) => e.name && e.name !== "_csrf" && !["password", "file", "submit", "button"].includes(e.type);

function memoire(faire) {
  try {
    return faire(sessionStorage);
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** Forget what is too old, or everything once a form was accepted. */
function oublier(tout) {
  memoire((m) => Object.keys(m).filter((cle) => cle.startsWith(MEMOIRE)).forEach((cle) => {
    const vieux = !(Date.now() - JSON.parse(m.getItem(cle)).a < DUREE);
    if (tout || vieux) m.removeItem(cle);
  }));
}

function retenir() {
  const id = history.state?.saisie;
  if (!id || !form) return;
  const champs = [...form.elements].filter(garde)
    .map((e) => ({ nom: e.name, valeur: e.value, coche: /^(radio|checkbox)$/.test(e.type) ? e.checked : null }));
  memoire((m) => m.setItem(MEMOIRE + id, JSON.stringify({ a: Date.now(), champs })));
}

function remettre(champs) {
  const restants = [...champs];
  for (const e of [...form.elements].filter(garde)) {
    const coche = /^(radio|checkbox)$/.test(e.type);
    const i = restants.findIndex((c) => c.nom === e.name && (!coche || c.valeur === e.value));
    if (i < 0) continue;
    const [c] = restants.splice(i, 1);
    if (coche) e.checked = c.coche;
    else if (e instanceof HTMLSelectElement && ![...e.options].some((o) => o.value === c.valeur)) continue;
    else e.value = c.valeur;
  }
}

function dire(texte) {
  const bloc = document.createElement("div");
  bloc.className = "fr-alert fr-alert--info fr-alert--sm fr-mb-3w";
  bloc.dataset.saisieDite = "";
  const p = document.createElement("p");
  p.textContent = texte;
  bloc.append(p);
  form.prepend(bloc);
  annoncer(texte);
}

function rendre(id) {
  const lue = memoire((m) => JSON.parse(m.getItem(MEMOIRE + id)));
  if (lue) remettre(lue.champs);
  dire(lue ? "Votre saisie a été rétablie. Rien n’a encore été enregistré."
    : "Cette page a été rechargée et votre saisie n’a pas pu être conservée : vérifiez les champs.");
}

const adresse = document.querySelector('meta[name="adresse"]')?.content;
oublier(Boolean(document.querySelector("[data-saisie-finie]")));
if (adresse) {
  const id = [...crypto.getRandomValues(new Uint8Array(12))].map((o) => o.toString(16).padStart(2, "0")).join("");
  history.replaceState(form ? { saisie: id } : null, "", adresse);
} else if (form && history.state?.saisie) {
  rendre(history.state.saisie);
}
if (form) addEventListener("pagehide", retenir);
