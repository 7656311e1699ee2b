// The print button exists only where it can work.

for (const bouton of document.querySelectorAll("[data-imprimer]")) bouton.hidden = false;
document.addEventListener("click", (e) => { if (e.target.closest?.("[data-imprimer]")) print(); });
