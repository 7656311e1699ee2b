// A page that answers a form takes the address that shows it without sending anything again (meta "adresse"): back, forward
// and reload then never meet the browser's « send again? » page. What was typed is kept for that history entry, in this
// tab only, until the form is accepted, and put back when the entry is shown again.

import { annoncer } from "./annonces.js";
import { mot } from "./mots.js";

const MEMOIRE = "accueil:saisie:";
/** The form that was left last, then the one that an answer interrupted: its session was over, the database was away. */
const QUITTEE = "accueil:saisie:quittee";
const INTERROMPUE = "accueil:saisie:interrompue";
/** Entries of the agents' booking form that were accepted → the fiche. */
const FINIES = "accueil:prises";
const DUREE = 3_600_000;
const form = document.querySelector("form[data-saisie]");
const garde = (e) => e.name && e.name !== "_csrf" && !("jamais" in e.dataset) && !["password", "file", "submit", "button"].includes(e.type);

/** True when a field no longer holds what the page was served with. */
function touche(e) {
  if (/^(radio|checkbox)$/.test(e.type)) return e.checked !== e.defaultChecked;
  if (e instanceof HTMLSelectElement) return [...e.options].some((o) => o.selected !== o.defaultSelected) && e.selectedIndex > 0;
  return e.type !== "hidden" && e.value !== e.defaultValue;
}

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

/** The form that led to this page was accepted: going back to it leads here again, never to a form that seems lost. */
function finir() {
  memoire((m) => {
    const quittee = JSON.parse(m.getItem(QUITTEE));
    if (!quittee?.chemin.includes("/rendez-vous/nouveau") || !(Date.now() - quittee.a < DUREE)) return;
    const finies = { ...JSON.parse(m.getItem(FINIES)), [quittee.id]: location.pathname };
    m.setItem(FINIES, JSON.stringify(Object.fromEntries(Object.entries(finies).slice(-20))));
  });
}

const finie = () => (history.state?.saisie && memoire((m) => JSON.parse(m.getItem(FINIES))?.[history.state.saisie])) || "";

function retenir() {
  const id = history.state?.saisie;
  if (!id || !form || !(history.state.due || [...form.elements].filter(garde).some(touche))) return;
  const champs = [...form.elements].filter(garde)
    .map((e) => ({ nom: e.name, valeur: e.value, coche: /^(radio|checkbox)$/.test(e.type) ? e.checked : null }));
  memoire((m) => {
    m.setItem(MEMOIRE + id, JSON.stringify({ a: Date.now(), champs }));
    m.setItem(QUITTEE, JSON.stringify({ a: Date.now(), id, chemin: location.pathname + location.search }));
  });
}

const nouvelId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((o) => o.toString(16).padStart(2, "0")).join("");

/** The page that says that nothing could be done leads back to the form, where what was typed waits. */
function interrompre(page) {
  const quittee = memoire((m) => JSON.parse(m.getItem(QUITTEE)));
  if (!quittee) return;
  memoire((m) => m.setItem(INTERROMPUE, JSON.stringify(quittee)));
  const lien = page.querySelector("a[data-reprendre]");
  if (lien) lien.href = lien.dataset.reprendre + encodeURIComponent(quittee.chemin);
}

/** The memory of the form that was interrupted here, once. */
function reprendre() {
  const interrompue = memoire((m) => JSON.parse(m.getItem(INTERROMPUE)));
  if (interrompue?.chemin !== location.pathname + location.search) return null;
  memoire((m) => m.removeItem(INTERROMPUE));
  return interrompue.id;
}

/** ``pleins``: only what was typed; what the server fills in since (the form came back signed in) stays. */
function remettre(champs, pleins) {
  const restants = champs.filter((c) => !pleins || c.coche !== null || c.valeur);
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

function rendre(id, pleins) {
  const lue = memoire((m) => JSON.parse(m.getItem(MEMOIRE + id)));
  if (lue) remettre(lue.champs, pleins);
  dire(mot(lue ? "Votre saisie a été rétablie. Rien n’a encore été enregistré."
    : "Cette page a été rechargée et votre saisie n’a pas pu être conservée : vérifiez les champs."));
}

const adresse = document.querySelector('meta[name="adresse"]')?.content;
const accepte = document.querySelector("[data-saisie-finie]");
if (accepte) finir();
oublier(Boolean(accepte));
if (form?.id === "prise" && finie()) {
  location.replace(finie()); // booked: its own place would be said to be taken
} else if (adresse) {
  history.replaceState(form ? { saisie: nouvelId(), due: true } : null, "", adresse);
} else if (form) {
  const reprise = history.state?.saisie ? null : reprendre();
  const connue = history.state?.saisie ?? reprise;
  const lue = connue && memoire((m) => m.getItem(MEMOIRE + connue));
  if (lue || history.state?.due) rendre(connue, Boolean(reprise && form.elements.identifie));
  history.replaceState({ due: Boolean(lue), ...history.state, saisie: connue ?? nouvelId() }, "");
}
const coupure = document.querySelector("[data-saisie-interrompue]");
if (coupure) interrompre(coupure);
for (const sortie of document.querySelectorAll('form[action$="/deconnexion"]')) {
  sortie.addEventListener("submit", () => {
    oublier(true);
    memoire((m) => m.removeItem(FINIES));
  });
}
// Who leaves to identify himself comes back to this address: his form waits for him there.
for (const depart of document.querySelectorAll("form[data-emporter]")) {
  depart.addEventListener("submit", () => {
    if (!form) return;
    retenir();
    memoire((m) => {
      const quittee = JSON.parse(m.getItem(QUITTEE));
      if (quittee?.id === history.state?.saisie) m.setItem(INTERROMPUE, JSON.stringify(quittee));
    });
  });
}
if (form) addEventListener("pagehide", retenir);
if (form?.id === "prise") addEventListener("pageshow", (e) => { if (e.persisted && finie()) location.replace(finie()); });
