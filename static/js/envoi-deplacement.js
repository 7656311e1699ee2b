// A move asked of the server: its warnings are shown and confirmed, its refusals said; the RDV itself waits for the feed.

import { annoncer, montrer } from "./annonces.js";
import { afficherErreurs } from "./erreurs.js";
import { flux } from "./flux.js";
import { marquerPropre, oublierPropre } from "./propres.js";

const DELAI = 15_000;
const PERDU = "Déplacement non enregistré : le serveur ne répond pas. Réessayez : il ne sera pas enregistré deux fois.";

/** Which state of the RDV is being moved: its revision, asked for as it is lifted. "" when it could not be had. */
export async function demanderRevision(adresse) {
  try {
    const reponse = await fetch(adresse, { headers: { accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(DELAI) });
    if (!reponse.ok) return "";
    const page = new DOMParser().parseFromString(await reponse.text(), "text/html");
    return page.querySelector('input[name="revision"]')?.value ?? "";
  } catch {
    return "";
  }
}

function bouton(texte, classe, faire) {
  const b = document.createElement("button");
  b.type = "button";
  b.className = classe;
  b.textContent = texte;
  b.addEventListener("click", faire);
  const li = document.createElement("li");
  li.append(b);
  return li;
}

/** Show the warnings. Resolves to true when « Déplacer quand même » is chosen. */
function confirmer(rdv, cible, alertes) {
  return new Promise((resoudre) => {
    const dialogue = document.createElement("dialog");
    dialogue.className = "deplacer";
    dialogue.setAttribute("aria-labelledby", "deplacer-titre");
    const titre = document.createElement("h2");
    titre.id = "deplacer-titre";
    titre.className = "fr-h5";
    titre.textContent = `Déplacer ${rdv.nom} à ${cible.texte} ?`;
    const liste = document.createElement("ul");
    for (const { phrase } of alertes) {
      const li = document.createElement("li");
      li.textContent = phrase;
      liste.append(li);
    }
    const actions = document.createElement("ul");
    actions.className = "fr-btns-group fr-btns-group--inline fr-mt-2w";
    let choix = false;
    actions.append(
      bouton("Déplacer quand même", "fr-btn", () => { choix = true; dialogue.close(); }),
      bouton("Ne pas déplacer", "fr-btn fr-btn--secondary", () => dialogue.close()),
    );
    dialogue.append(titre, liste, actions);
    dialogue.addEventListener("close", () => { dialogue.remove(); resoudre(choix); });
    document.querySelector("main").append(dialogue);
    dialogue.showModal();
  });
}

async function poster(adresse, champs, acquittees) {
  const corps = new URLSearchParams(champs);
  for (const code of acquittees) corps.append("acquittees", code);
  const reponse = await fetch(adresse, {
    method: "POST",
    headers: { accept: "application/json", "x-csrf-token": document.querySelector('meta[name="csrf"]')?.content ?? "" },
    body: corps,
    signal: AbortSignal.timeout(DELAI),
  });
  const json = /json/.test(reponse.headers.get("content-type") ?? "") ? await reponse.json().catch(() => ({})) : {};
  return { statut: reponse.status, ok: reponse.ok, ...json };
}

/** Move it. `revision` is a promise. Resolves to true once it is moved; otherwise why not has been said. */
export async function deplacer(rdv, cible, revision) {
  const adresse = `${rdv.table.dataset.urlRdv}${rdv.id}/deplacer`;
  const champs = { guichet: cible.guichet, jour: cible.jour, du: cible.du, faire: "deplacer", revision: await revision };
  let acquittees = [];
  let reponse;
  try {
    for (;;) {
      marquerPropre("rdv.replanifie", rdv.id);
      reponse = await poster(adresse, champs, acquittees);
      const alertes = reponse.statut === 409 && reponse.alertes?.length ? reponse.alertes : null;
      if (!alertes || alertes.every(({ code }) => acquittees.includes(code))) break;
      oublierPropre("rdv.replanifie", rdv.id);
      if (!await confirmer(rdv, cible, alertes)) {
        annoncer("Déplacement abandonné : le rendez-vous reste à sa place.");
        return false;
      }
      acquittees = [...acquittees, ...alertes.map(({ code }) => code)];
    }
  } catch {
    reponse = { statut: 0, ok: false, detail: PERDU };
  }
  if (reponse.ok) {
    montrer(reponse.message ?? `Rendez-vous déplacé à ${cible.texte}`);
    flux.apresAction();
    return true;
  }
  oublierPropre("rdv.replanifie", rdv.id);
  refuser(rdv, reponse);
  return false;
}

function refuser(rdv, reponse) {
  const phrases = [reponse.detail ?? (reponse.statut === 401 ? "Votre session est terminée." : "Ce rendez-vous n’a pas pu être déplacé."),
    ...Object.values(reponse.champs ?? {}).filter((p) => p !== reponse.detail)];
  afficherErreurs(document.getElementById("actions"), null, {
    statut: reponse.statut, champs: {}, detail: `${rdv.nom}, ${rdv.heure} : ${phrases.join(" ")}`,
    remede: `${reponse.remede ?? ""} Le rendez-vous reste à sa place.`.trim(),
  });
  if (reponse.statut === 409) flux.apresAction();
  if (reponse.statut === 401) flux.rompre("session");
}
