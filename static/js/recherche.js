// A search keeps its words in its history entry, never in its address: come back to from a fiche, it is made again, by POST.
// They are those of one session: who signs in afterwards in this tab searches nothing by going back.

const form = document.querySelector("form[data-recherche-rdv]");
const champ = form.querySelector("[data-recherche]");
const session = form.dataset.session;
const gardee = history.state?.recherche;
const reponse = Boolean(document.querySelector('meta[name="adresse"]')?.content); // of a POST: nothing to make again

if (reponse && champ.value) {
  history.replaceState({ ...history.state, recherche: { session, mots: champ.value } }, "");
} else if (gardee?.session === session) {
  champ.value = gardee.mots;
  form.submit(); // before the page is complete: the answer takes the place of this entry
} else if (gardee) {
  history.replaceState({ ...history.state, recherche: null }, "");
}
