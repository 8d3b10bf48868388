/* A Parquet file that the reader chooses, shown in the page: nothing is sent anywhere. */
(function () {
  "use strict";
  var MONTREES = 200, LUES = 200000;
  var lignes = [], total = 0;
  function element(id) { return document.getElementById(id); }
  function noeud(nom, texte) {
    var n = document.createElement(nom);
    if (texte !== undefined) n.textContent = texte;
    return n;
  }
  function mots(v) {
    if (v === null || v === undefined) return "";
    if (v instanceof Date) return v.toISOString().slice(0, 10);
    if (v instanceof Uint8Array) return "(" + v.length.toLocaleString("fr") + " octets)";
    if (typeof v === "number") return v.toLocaleString("fr", { maximumFractionDigits: 6 });
    if (typeof v === "object") return JSON.stringify(v, function (k, x) { return typeof x === "bigint" ? Number(x) : x; });
    return String(v);
  }
  function dire(texte) { element("parquet-dit").textContent = texte; }
  function montrer() {
    var colonne = element("colonne").value, cherche = element("cherche").value.toLocaleLowerCase("fr");
    var gardees = lignes.filter(function (l) {
      if (!cherche) return true;
      return (colonne ? [colonne] : Object.keys(l)).some(function (c) {
        return mots(l[c]).toLocaleLowerCase("fr").indexOf(cherche) >= 0;
      });
    });
    var table = noeud("table"), tete = noeud("thead"), corps = noeud("tbody"), tr = noeud("tr");
    Object.keys(lignes[0] || {}).forEach(function (c) {
      var th = noeud("th", c);
      th.scope = "col";
      tr.append(th);
    });
    tete.append(tr);
    gardees.slice(0, MONTREES).forEach(function (l) {
      var ligne = noeud("tr");
      Object.keys(l).forEach(function (c) { ligne.append(noeud("td", mots(l[c]))); });
      corps.append(ligne);
    });
    table.append(tete, corps);
    element("parquet-lignes").replaceChildren(table);
    var lues = total > lignes.length ? " parmi les " + lignes.length.toLocaleString("fr") + " premières lues" : "";
    dire(gardees.length.toLocaleString("fr") + (gardees.length > 1 ? " lignes" : " ligne") + lues + " (le fichier en a " + total.toLocaleString("fr") + ")"
      + (gardees.length > MONTREES ? " ; les " + MONTREES + " premières sont montrées." : "."));
  }
  function lire(fichier) {
    var source = { byteLength: fichier.size, slice: function (a, b) { return fichier.slice(a, b).arrayBuffer(); } };
    dire("Lecture…");
    hyparquet.parquetMetadataAsync(source).then(function (metadata) {
      total = Number(metadata.num_rows);
      return hyparquet.parquetReadObjects({ file: source, metadata: metadata, rowStart: 0, rowEnd: Math.min(total, LUES),
        compressors: hyparquet.compressors });
    }).then(function (objets) {
      lignes = objets;
      var choix = element("colonne");
      choix.replaceChildren(new Option("(toutes les colonnes)", ""));
      Object.keys(lignes[0] || {}).forEach(function (c) { choix.append(new Option(c, c)); });
      choix.disabled = element("cherche").disabled = false;
      montrer();
    }).catch(function (e) {
      lignes = [];
      element("parquet-lignes").replaceChildren();
      dire("Ce fichier ne se lit pas comme un Parquet : " + e.message);
    });
  }
  element("parquet").hidden = false;
  element("parquet").addEventListener("submit", function (e) { e.preventDefault(); });
  element("fichier").addEventListener("change", function () { if (this.files[0]) lire(this.files[0]); });
  element("colonne").addEventListener("change", montrer);
  element("cherche").addEventListener("input", montrer);
})();
