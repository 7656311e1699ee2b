// The session is over, or the right was lost: nothing personal stays on the screen. What the live regions showed gives way
// to a calm sentence, with the way back to this very page.

import { taire } from "./annonces.js";

const DITS = {
  session: {
    titre: "Votre session est terminée",
    texte: "Les informations de cette page ont été masquées. Reconnectez-vous pour les retrouver.",
    lien: "Se reconnecter",
  },
  droits: {
    titre: "Vous n’avez plus accès à cette page",
    texte: "Vos droits ont changé : les informations de cette page ont été masquées.",
    lien: "Revenir au tableau de bord",
  },
};

/** Where to sign in, then back here. The page's own address holds no name. */
export function adresseConnexion() {
  const base = document.getElementById("direct")?.dataset.connexion ?? "/connexion";
  return `${base}?suite=${encodeURIComponent(location.pathname + location.search)}`;
}

function construire(raison) {
  const { titre, texte, lien } = DITS[raison];
  const alerte = document.createElement("div");
  alerte.className = "fr-alert fr-alert--info masque";
  alerte.dataset.masque = raison;
  alerte.tabIndex = -1;
  const h2 = document.createElement("h2");
  h2.className = "fr-alert__title";
  h2.textContent = titre;
  const p = document.createElement("p");
  p.textContent = texte;
  const action = document.createElement("p");
  action.className = "fr-mt-2w";
  const a = document.createElement("a");
  a.className = "fr-btn";
  a.href = raison === "session" ? adresseConnexion() : (document.querySelector(".fr-header__service a")?.getAttribute("href") ?? "/agent");
  a.textContent = lien;
  action.append(a);
  alerte.append(h2, p, action);
  return alerte;
}

/** Hide what an agent's live regions show. The public's pages show nobody: they keep theirs. */
export function masquer(regions, raison) {
  if (!document.body.classList.contains("page-agent")) return;
  const dedans = regions.some((r) => r.contains(document.activeElement));
  const alerte = construire(raison);
  regions.forEach((region, i) => region.replaceChildren(...(i === 0 ? [alerte] : [])));
  document.querySelectorAll("#avis, [data-defaire-zone]").forEach((e) => e.replaceChildren());
  taire();
  document.querySelectorAll("[data-sensible]").forEach((e) => e.remove());
  for (const champ of document.querySelectorAll("[data-recherche]")) champ.value = "";
  for (const dit of document.querySelectorAll("[data-filtre-resultat]")) dit.textContent = "";
  document.title = `${DITS[raison].titre} – Accueil personnalisé sur rendez-vous`;
  if (dedans || document.activeElement === document.body) alerte.focus({ preventScroll: true });
}
