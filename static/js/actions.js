// Progressive enhancement of <form data-action>: sent by fetch, once, with an idempotency key; a refusal or a lost network
// is a sentence near the button, and nothing typed is ever lost. Without JavaScript the same forms post normally.

import { annoncer } from "./annonces.js";
import { afficherErreurs, effacerErreurs } from "./erreurs.js";
import { flux } from "./flux.js";
import { mot } from "./mots.js";
import { marquerPropre, oublierPropre } from "./propres.js";

const DELAI = 15_000;
const PERDU = mot("Action non enregistrée : le serveur ne répond pas. Réessayez : elle ne sera pas enregistrée deux fois.");
const SESSION = mot("Votre session est terminée.");

/** The key of each form or button, kept while the same content is retried. */
const cles = new WeakMap();
const enCours = new WeakSet();

function cle(cible, corps) {
  const connue = cles.get(cible);
  if (connue?.corps === corps) return connue.cle;
  const neuve = crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))]
    .map((o) => o.toString(16).padStart(2, "0")).join("");
  cles.set(cible, { corps, cle: neuve });
  return neuve;
}

/** The refusal as {detail, remede, champs, statut}, whatever the server answered. */
async function lireRefus(reponse) {
  const type = reponse.headers.get("content-type") ?? "";
  const probleme = /json/.test(type) ? await reponse.json().catch(() => ({})) : {};
  return {
    ...probleme,
    statut: reponse.status,
    detail: probleme.detail ?? probleme.title ?? (reponse.status === 401 ? SESSION : mot("Cette action n’a pas pu être effectuée.")),
    remede: probleme.remede ?? (reponse.status >= 500 ? mot("Réessayez dans quelques secondes : rien n’a été enregistré deux fois.") : ""),
    champs: probleme.champs ?? {},
  };
}

function occuper(form, bouton, occupe) {
  const cible = bouton ?? form;
  if (occupe) enCours.add(cible);
  else enCours.delete(cible);
  for (const b of bouton ? [bouton] : form.querySelectorAll("button")) {
    if (occupe) b.setAttribute("aria-disabled", "true");
    else b.removeAttribute("aria-disabled");
  }
  if (occupe) cible.setAttribute("aria-busy", "true");
  else cible.removeAttribute("aria-busy");
}

/**
 * Send a form by fetch. `bouton` is its submitter, `evenement` and `rdv` name the change that the feed will tell.
 * Resolves to true when it was accepted.
 */
export async function envoyer(form, bouton, { evenement, rdv } = {}) {
  const cible = bouton ?? form;
  if (enCours.has(cible)) return false;
  const adresse = (bouton?.hasAttribute("formaction") ? bouton.formAction : form.action);
  const donnees = bouton && bouton.name ? new FormData(form, bouton) : new FormData(form);
  const corps = new URLSearchParams([...donnees].filter(([, v]) => typeof v === "string")).toString();
  const fichiers = [...donnees.values()].some((v) => v instanceof File && v.size);
  // Once it is done the row moves: where it was, and whose, is known now.
  const avant = { evenement, rdv, cadre: bouton?.getBoundingClientRect(), adresse: bouton?.getAttribute("formaction") ?? "",
    nom: bouton?.closest("[data-rdv]")?.querySelector("[data-nom]")?.textContent };
  effacerErreurs(form, bouton);
  occuper(form, bouton, true);
  marquerPropre(evenement, rdv);
  try {
    const reponse = await fetch(adresse, {
      method: "POST",
      headers: {
        accept: "application/json, text/html;q=0.9",
        "x-csrf-token": document.querySelector('meta[name="csrf"]')?.content ?? "",
        "idempotency-key": cle(cible, adresse + corps),
        ...(fichiers ? {} : { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" }),
      },
      body: fichiers ? donnees : corps,
      signal: AbortSignal.timeout(DELAI),
    });
    if (!reponse.ok) {
      oublierPropre(evenement, rdv);
      refuser(form, bouton, await lireRefus(reponse));
      return false;
    }
    cles.delete(cible);
    await accepter(form, reponse);
    document.dispatchEvent(new CustomEvent("action:faite", { detail: avant }));
    return true;
  } catch {
    oublierPropre(evenement, rdv);
    refuser(form, bouton, { statut: 0, detail: PERDU, remede: "", champs: {} });
    return false;
  } finally {
    occuper(form, bouton, false);
  }
}

async function accepter(form, reponse) {
  const json = /json/.test(reponse.headers.get("content-type") ?? "") ? await reponse.json().catch(() => ({})) : {};
  const suite = json.suite ?? (reponse.redirected && form.id !== "actions" ? reponse.url : "");
  if (suite) {
    location.assign(suite);
    return;
  }
  annoncer(json.message);
  form.dispatchEvent(new CustomEvent("action:acceptee", { bubbles: true, detail: json }));
  flux.apresAction();
}

/** A page may show a refusal itself (alternatives, warnings): it calls preventDefault on `action:refusee`. */
function refuser(form, bouton, refus) {
  const evenement = new CustomEvent("action:refusee", { bubbles: true, cancelable: true, detail: refus });
  if (form.dispatchEvent(evenement)) afficherErreurs(form, bouton, refus);
  if (refus.statut === 409) flux.apresAction();
  if (refus.statut === 401) flux.rompre("session");
}

/** Press a row's button, from the mouse, the keyboard or a shortcut. */
export function presser(bouton) {
  return envoyer(bouton.form, bouton, {
    evenement: bouton.dataset.evenement,
    rdv: bouton.dataset.pour ?? bouton.closest("[data-rdv]")?.dataset.rdv,
  });
}

document.addEventListener("submit", (e) => {
  const form = e.target;
  if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-action")) return;
  e.preventDefault();
  if (e.submitter) presser(e.submitter);
  else envoyer(form, null);
});

// A server that answers with a page, and a page that opens on its error summary, both put the focus there.
document.querySelector("[data-focus]")?.focus();
