// Step 3: how long the créneau is still held, by the minute and calmly; more time without leaving the form; one submission.

import { maintenant } from "./horloge.js";
import { mot, nombre } from "./mots.js";

const tenue = document.querySelector("[data-expire]");
const form = document.getElementById("coordonnees");

/** Milliseconds before the end under which it is said aloud, once. */
const ALERTE = 60_000;

function minutes(n) {
  return nombre(n, "{n} minute", "{n} minutes").replace(" ", "\u00a0");
}

function suivre(bloc) {
  const phrase = bloc.querySelector("[data-tenue-phrase]");
  const annonce = bloc.querySelector("[data-tenue-annonce]");
  const bouton = bloc.querySelector("[data-tenue-prolonger]");
  let echeance = Date.parse(bloc.dataset.expire);
  let alerte = false;
  let fini = false;

  function ecrire(texte, dire) {
    if (phrase.textContent !== texte) phrase.textContent = texte;
    if (dire) annonce.textContent = texte;
  }

  /** Nothing holds it any more: the button, or a new one, asks for it again with everything typed. */
  function finir() {
    fini = true;
    bloc.classList.add("tenue--finie");
    const reprise = bouton?.isConnected ? bouton : bloc.querySelector(".tenue__actions").appendChild(document.createElement("button"));
    reprise.className = "fr-btn fr-btn--tertiary fr-btn--sm";
    reprise.setAttribute("formaction", bloc.dataset.prolonger);
    reprise.setAttribute("formnovalidate", "");
    reprise.textContent = mot("Réserver de nouveau ce créneau");
    ecrire(mot("Le temps de réservation est écoulé : ce créneau peut être pris par quelqu’un d’autre. Continuez, votre saisie est conservée ; validez dès que possible."), true);
  }

  function battre() {
    if (fini) return;
    const reste = echeance - maintenant();
    if (reste <= 0) {
      finir();
      return;
    }
    if (reste <= ALERTE) {
      ecrire(mot("Ce créneau vous est réservé pendant encore moins d’une minute."), !alerte);
      alerte = true;
    } else {
      ecrire(mot("Ce créneau vous est réservé pendant encore {reste}.", { reste: minutes(Math.ceil(reste / 60_000)) }), false);
    }
  }

  async function prolonger() {
    const corps = new URLSearchParams([...new FormData(form)].filter(([nom]) => ["_csrf", "motif", "type", "nature", "lieu", "option"].includes(nom)));
    const reponse = await fetch(bloc.dataset.prolonger, {
      method: "POST", body: corps, headers: { accept: "application/json" }, signal: AbortSignal.timeout(8000),
    });
    if (!reponse.ok) throw new Error(`HTTP ${reponse.status}`);
    const { expire_a: jusqua, prolongeable } = await reponse.json();
    echeance = Date.parse(jusqua);
    alerte = false;
    battre();
    annonce.textContent = `${mot("C’est noté.")} ${phrase.textContent}`;
    if (prolongeable) return;
    if (document.activeElement === bouton) phrase.focus();
    bouton.remove();
  }

  bouton?.addEventListener("click", (e) => {
    if (fini) return; // sent as a form: the créneau is held anew, if it is still free
    e.preventDefault();
    if (bouton.getAttribute("aria-busy") === "true") return;
    bouton.setAttribute("aria-busy", "true");
    prolonger()
      .catch(() => { annonce.textContent = ""; ecrire(mot("Le temps n’a pas pu être prolongé : réessayez, ou validez dès que possible."), true); })
      .finally(() => bouton.removeAttribute("aria-busy"));
  });

  /** A visitor holds one créneau: the one chosen in another tab has replaced this one. */
  function remplacer(autre) {
    if (fini || autre === bloc.dataset.option) return;
    finir();
    ecrire(mot("Vous avez choisi un autre créneau dans un autre onglet : celui-ci n’est plus réservé pour vous. Votre saisie est conservée."), true);
  }

  const onglets = "BroadcastChannel" in window ? new BroadcastChannel("accueil:option") : null;
  onglets?.addEventListener("message", (e) => remplacer(String(e.data)));
  onglets?.postMessage(bloc.dataset.option);
  battre();
  setInterval(battre, 5000);
}

if (tenue && form) suivre(tenue);

/** Sent without a network, the form would be replaced by the browser's own page of error. */
function direHorsLigne() {
  let bloc = form.querySelector("[data-hors-ligne]");
  if (navigator.onLine) {
    bloc?.remove();
    return;
  }
  if (!bloc) {
    bloc = document.createElement("p");
    bloc.className = "fr-message fr-message--error fr-mb-2w";
    bloc.dataset.horsLigne = "";
    bloc.setAttribute("role", "alert");
    form.querySelector("[data-envoi]")?.before(bloc);
  }
  bloc.textContent = mot("Connexion perdue : rien n’est envoyé, votre saisie reste ici. Validez de nouveau quand la connexion est revenue.");
}

if (form) {
  addEventListener("online", direHorsLigne);
  addEventListener("offline", direHorsLigne);
  form.addEventListener("submit", (e) => {
    if (navigator.onLine) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    direHorsLigne();
  });
}

// The key already makes two clicks one rendez-vous; this only spares the second one its wait.
form?.addEventListener("submit", (e) => {
  if (form.dataset.envoye === "1") e.preventDefault();
  else if (!e.submitter?.hasAttribute("formaction")) {
    form.dataset.envoye = "1";
    setTimeout(() => delete form.dataset.envoye, 8000);
  }
});
addEventListener("pageshow", () => { if (form) delete form.dataset.envoye; });
