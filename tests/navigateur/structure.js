/* What a reader who does not see the page leans on; gives the list of what is missing. */
() => {
  const faults = [], every = (selector) => [...document.querySelectorAll(selector)];
  const said = (e) => (e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(" ")
    .map((id) => document.getElementById(id)?.textContent || "").join(" ")).trim();
  const shown = (e) => e.checkVisibility();
  if (document.documentElement.lang !== "fr") faults.push("lang");
  if (!document.title.trim()) faults.push("titre vide");
  const ids = every("[id]").map((e) => e.id);
  faults.push(...ids.filter((id, n) => ids.indexOf(id) !== n).map((id) => "id en double : " + id));
  const levels = every("h1, h2, h3, h4, h5, h6").filter(shown).map((h) => +h.tagName[1]);
  if (levels.filter((l) => l === 1).length !== 1 || levels[0] !== 1) faults.push("h1 : " + levels.join(" "));
  levels.forEach((l, n) => { if (n && l > levels[n - 1] + 1) faults.push("titre sauté : " + levels.join(" ")); });
  every("img").filter((i) => !i.hasAttribute("alt")).forEach(() => faults.push("img sans alt"));
  every("svg").filter((s) => !s.closest("[aria-hidden=true]") && !said(s)).forEach((s) => faults.push("svg sans nom : " + s.outerHTML.slice(0, 90)));
  every("table").filter((t) => shown(t) && !said(t) && !t.caption?.textContent.trim()).forEach((t) => faults.push("tableau sans nom : " + t.className));
  every("th:not([scope])").forEach((t) => faults.push("th sans portée : " + t.textContent));
  every("input, select, textarea").filter((i) => shown(i) && !i.labels.length && !said(i)).forEach((i) => faults.push("champ sans nom : " + i.outerHTML.slice(0, 90)));
  if (every("main").length !== 1) faults.push("main");
  return faults;
}
