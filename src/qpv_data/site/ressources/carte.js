/* The territory's map: perimeters over nothing, coloured by the indicator that is chosen; the list says the same. */
var QPV = (function () {
  "use strict";
  var etat = { zones: null, communes: null, indicateurs: {}, carte: null, couche: null, voulu: null };
  function element(id) { return document.getElementById(id); }
  function geojson(coordonnees, proprietes) {
    return { type: "Feature", properties: proprietes, geometry: { type: "MultiPolygon", coordinates: coordonnees } };
  }
  function noeud(nom, classe, texte) {
    var n = document.createElement(nom);
    if (classe) n.className = classe;
    if (texte !== undefined) n.textContent = texte;
    return n;
  }
  function ouvrir() {
    if (etat.carte || !window.L || !etat.zones.length) return;
    if (marques().length) element("carte-dessinee").classList.add("sur-papier-seul");
    else element("carte-dessinee").hidden = true;
    element("carte-vive").hidden = false;
    etat.carte = L.map("carte-vive", { attributionControl: false, zoomSnap: 0.25 });
    etat.carte.getContainer().setAttribute("role", "region");
    etat.carte.getContainer().setAttribute("aria-label", "Carte des quartiers ; la liste dit la même chose");
    var fond = L.geoJSON(etat.communes.map(function (c) { return geojson(c[2], { nom: c[1] }); }),
      { style: function () { return { className: "commune", weight: 1, fillOpacity: 1 }; }, interactive: false }).addTo(etat.carte);
    etat.couche = L.geoJSON(etat.zones.map(function (z) { return geojson(z[3], { code: z[0], nom: z[1], fichier: z[2], territoire: z[4] }); }),
      { style: function () { return { className: "quartier rien", weight: 1, fillOpacity: 1 }; },
        onEachFeature: function (f, couche) {
          couche.on("click", function () { location.href = "quartiers/" + f.properties.fichier + ".html"; });
        } }).addTo(etat.carte);
    var noms = Object.keys(etat.territoires).filter(function (t) { return cadre(t, fond).isValid(); });
    noms.sort(function (a, b) { return combien(b) - combien(a) || (a < b ? -1 : 1); });
    if (noms.length) etat.carte.fitBounds(cadre(noms[0], fond), { padding: [12, 12] });
    if (noms.length > 1) boutons(noms, fond);
    points();
    etat.carte.getPane("overlayPane").querySelectorAll("svg").forEach(function (s) { s.setAttribute("aria-hidden", "true"); });
  }
  function combien(t) { return etat.zones.filter(function (z) { return z[4] === t; }).length; }
  function cadre(t, fond) {
    /* The quarters of a territory, with the communes that are near them: the whole world is no map of them. */
    var boite = L.latLngBounds([]);
    etat.couche.eachLayer(function (c) { if (c.feature.properties.territoire === t) boite.extend(c.getBounds()); });
    var voisines = [];
    if (boite.isValid() && combien(t) <= 120) fond.eachLayer(function (c) {
      if (c.getBounds().intersects(boite)) voisines.push(c.getBounds());
    });
    voisines.forEach(function (b) { boite.extend(b); });
    return boite;
  }
  function boutons(noms, fond) {
    var barre = noeud("div", "territoires");
    barre.setAttribute("role", "group");
    barre.setAttribute("aria-label", "Aller à un territoire");
    noms.forEach(function (t) {
      var b = noeud("button", "", etat.territoires[t]);
      b.type = "button";
      b.addEventListener("click", function () { etat.carte.fitBounds(cadre(t, fond), { padding: [12, 12] }); });
      barre.append(b);
    });
    element("carte-vive").after(barre);
  }
  function points() {
    /* Quarters are smaller than a pixel on a map of a country: discs stand for them until one is near enough. */
    if (etat.zones.length <= 120) return;
    etat.points = L.layerGroup();
    etat.couche.eachLayer(function (c) {
      var p = L.circleMarker(c.getBounds().getCenter(), { radius: 3.5, weight: 1, fillOpacity: 1, className: "quartier rien" });
      p.code = c.feature.properties.code;
      p.on("click", function () { location.href = "quartiers/" + c.feature.properties.fichier + ".html"; });
      etat.points.addLayer(p);
    });
    function choisir() {
      var loin = etat.carte.getZoom() < 11;
      if (loin && !etat.carte.hasLayer(etat.points)) { etat.points.addTo(etat.carte); if (etat.montre) teindre(etat.montre); }
      if (!loin && etat.carte.hasLayer(etat.points)) etat.carte.removeLayer(etat.points);
    }
    etat.carte.on("zoomend", choisir);
    choisir();
  }
  /* The drawing's own marks, by quarter: it is what is printed, where it has them. */
  function marques() { return Array.from(element("carte-dessinee").querySelectorAll("a[data-code]")); }
  function teindre(i) {
    var par = {};
    i.rang.forEach(function (r) { par[r[0]] = r; });
    function un(couche, code, nom) {
      var r = par[code] || [code, "rien", "sans valeur", 0], trait = couche.getElement();
      if (trait) trait.setAttribute("class", "leaflet-interactive quartier " + r[1]);
      couche.unbindTooltip();
      couche.bindTooltip(noeud("span", "", nom + " : " + r[2]), { sticky: true });
      if (trait) trait.setAttribute("tabindex", "-1"); /* the list is for the keyboard: it says as much, and leads there */
    }
    var noms = {};
    etat.couche.eachLayer(function (couche) {
      var p = couche.feature.properties;
      noms[p.code] = p.nom;
      un(couche, p.code, p.nom);
    });
    marques().forEach(function (a) {
      a.firstElementChild.setAttribute("class", "quartier " + (par[a.dataset.code] || ["", "rien"])[1]);
    });
    if (etat.points) etat.points.eachLayer(function (p) { un(p, p.code, noms[p.code]); });
  }
  function montrer(i) {
    etat.montre = i;
    if (etat.couche) teindre(i);
    legende(i);
    liste(i);
    element("titre-carte").textContent = i.titre + ", " + i.periode_ecrite;
    var lien = element("lien-indicateur");
    lien.href = "indicateurs/" + i.fichier + ".html";
  }
  function legende(i) {
    var ul = noeud("ul", "legende");
    ul.setAttribute("aria-label", "Légende : " + i.unite);
    i.legende.forEach(function (l) {
      var li = noeud("li");
      li.append(noeud("i", l[0]), l[1]);
      ul.append(li);
    });
    element("legende").replaceChildren(ul);
  }
  function liste(i) {
    var noms = {};
    etat.zones_toutes.forEach(function (z) { noms[z[0]] = z; });
    var table = noeud("table", "rang"), corps = noeud("tbody"), tete = noeud("thead"), ligne = noeud("tr");
    table.append(noeud("caption", "", i.titre + ", du plus grand au plus petit"));
    [["Quartier", ""], [i.unite, "n"]].forEach(function (c) {
      var th = noeud("th", c[1], c[0]);
      th.scope = "col";
      ligne.append(th);
    });
    ligne.append(noeud("td", "jauge"));
    tete.append(ligne);
    i.rang.forEach(function (r) {
      var tr = noeud("tr"), th = noeud("th"), a = noeud("a", "", noms[r[0]][1]), td = noeud("td", "n"), jauge = noeud("td", "jauge");
      th.scope = "row";
      a.href = "quartiers/" + noms[r[0]][2] + ".html";
      th.append(a);
      if (r[1] === "cache" || r[1] === "rien") td.append(noeud("span", "absent" + (r[1] === "cache" ? " cachee" : ""), r[2]));
      else td.textContent = r[4];
      if (r[3]) {
        var barre = noeud("span");
        barre.style.width = r[3] + "%";
        jauge.append(barre);
      }
      tr.append(th, td, jauge);
      corps.append(tr);
    });
    table.append(tete, corps);
    element("rang").replaceChildren(table);
  }
  function demander(id) {
    etat.voulu = id;
    if (etat.indicateurs[id]) return montrer(etat.indicateurs[id]);
    var s = document.createElement("script");
    s.src = "donnees/carte/" + id + ".js";
    document.body.append(s);
  }
  return {
    perimetres: function (d) {
      etat.zones_toutes = d.quartiers;
      etat.zones = d.quartiers.filter(function (z) { return z[3]; });
      etat.communes = d.communes;
      etat.territoires = d.territoires;
      var choix = element("choix");
      if (!choix) return;
      choix.disabled = false;
      element("choisir").hidden = false;
      choix.addEventListener("change", function () { demander(choix.value); });
      ouvrir();
    },
    indicateur: function (i) {
      etat.indicateurs[i.fichier] = i;
      var choix = element("choix");
      if (etat.voulu && etat.voulu !== i.fichier) return;
      if (!etat.voulu && choix.value !== i.fichier) return demander(choix.value);
      montrer(i);
    }
  };
})();
