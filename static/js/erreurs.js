// Where a refusal is shown: the fields it names, the form's summary, else near the button; for a crowded grid, at the
// bottom of the window.

import { adresseConnexion } from "./masque.js";

function phrase({ detail, remede }) {
  return [detail, remede].filter(Boolean).join(" ");
}

function completer(element, refus) {
  element.textContent = phrase(refus);
  if (refus.statut !== 401) return;
  const a = document.createElement("a");
  a.href = adresseConnexion();
  a.textContent = "Se reconnecter";
  element.append(" ", a);
}

function signalerChamp(form, nom, texte) {
  const bloc = form.querySelector(`[data-champ="${CSS.escape(nom)}"]`);
  if (!bloc) return false;
  for (const genre of ["fr-input-group", "fr-select-group", "fr-fieldset"]) {
    if (bloc.classList.contains(genre)) bloc.classList.add(`${genre}--error`);
  }
  const p = document.createElement("p");
  p.className = "fr-message fr-message--error";
  p.dataset.erreurChamp = "";
  p.textContent = texte;
  bloc.querySelector(".fr-messages-group")?.replaceChildren(p);
  bloc.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
  return true;
}

function remplirResume(resume, form, refus) {
  const lignes = Object.entries(refus.champs).map(([nom, texte]) => {
    const li = document.createElement("li");
    const ancre = signalerChamp(form, nom, texte) ? document.createElement("a") : document.createElement("span");
    if (ancre instanceof HTMLAnchorElement) ancre.href = `#champ-${nom}`;
    ancre.textContent = texte;
    li.append(ancre);
    return li;
  });
  resume.querySelector("[data-erreurs-titre]").textContent = refus.detail;
  const texte = resume.querySelector("[data-erreurs-texte]");
  completer(texte, { ...refus, detail: "" });
  texte.hidden = !texte.textContent;
  resume.querySelector("[data-erreurs-liste]").replaceChildren(...lignes);
  resume.hidden = false;
  resume.focus();
}

function avis() {
  let zone = document.getElementById("avis");
  if (!zone) {
    zone = document.createElement("div");
    zone.id = "avis";
    zone.className = "avis";
    zone.setAttribute("role", "alert");
    document.querySelector("main").append(zone);
  }
  return zone;
}

let refusees = 0;

function presDuBouton(bouton, form, refus) {
  const serre = !bouton || bouton.closest("[data-grille]");
  const p = document.createElement("p");
  p.className = "erreur-action";
  p.dataset.client = "";
  p.id = `refus-${(refusees += 1)}`; // a fragment laid meanwhile must not take it for what it brings in that place
  p.dataset.erreurAction = "";
  if (serre) {
    const nom = bouton?.closest("[data-rdv]")?.querySelector("[data-nom]")?.textContent;
    completer(p, { ...refus, detail: nom ? `${nom} : ${refus.detail}` : refus.detail });
    const fermer = document.createElement("button");
    fermer.type = "button";
    fermer.className = "fr-btn fr-btn--tertiary-no-outline fr-btn--sm fr-icon-close-line";
    fermer.textContent = "Fermer";
    fermer.addEventListener("click", () => p.remove());
    p.append(" ", fermer);
    avis().replaceChildren(p);
    return;
  }
  p.setAttribute("role", "alert");
  completer(p, refus);
  bouton.after(p);
}

/** Show a refusal where the person is looking. */
export function afficherErreurs(form, bouton, refus) {
  const resume = form.querySelector("[data-erreurs]");
  if (resume) remplirResume(resume, form, refus);
  else presDuBouton(bouton ?? (form.id === "actions" ? null : form.querySelector("button")), form, refus);
}

/** Before a new try, the old sentences go. */
export function effacerErreurs(form, bouton) {
  document.getElementById("avis")?.replaceChildren();
  bouton?.parentElement?.querySelectorAll("[data-erreur-action]").forEach((e) => e.remove());
  form.querySelectorAll("[data-erreur-action]").forEach((e) => e.remove());
  for (const bloc of form.querySelectorAll("[data-champ]")) {
    bloc.classList.remove("fr-input-group--error", "fr-select-group--error", "fr-fieldset--error");
    bloc.querySelector(".fr-messages-group")?.replaceChildren();
    bloc.querySelectorAll("[aria-invalid]").forEach((e) => e.removeAttribute("aria-invalid"));
  }
  const resume = form.querySelector("[data-erreurs]");
  if (resume) resume.hidden = true;
}
