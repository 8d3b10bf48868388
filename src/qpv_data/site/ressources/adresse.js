/* The page « Mon adresse »: what is typed, chosen or pointed at, and its answer. Data come as scripts that call
   QPVAdresses; what they say is only ever put in the page as text. */
var QPVAdresses = (function () {
  "use strict";
  var R = QPVRecherche;
  var etat = { index: null, ouvertes: {}, attentes: {}, aires: null, communes: [], carte: null, point: null, choix: [], actif: -1, dit: "" };
  function element(id) { return document.getElementById(id); }
  function noeud(nom, classe, texte) {
    var n = document.createElement(nom);
    if (classe) n.className = classe;
    if (texte !== undefined) n.textContent = texte;
    return n;
  }
  function script(chemin, apres) {
    if (etat.attentes[chemin]) return etat.attentes[chemin].push(apres);
    etat.attentes[chemin] = [apres];
    var s = document.createElement("script");
    function fini(lu) {
      etat.attentes[chemin].splice(0).forEach(function (f) { f(lu); });
      if (lu) etat.attentes[chemin] = { push: function (f) { f(true); } };
      else delete etat.attentes[chemin];
    }
    s.onload = function () { fini(true); };
    s.onerror = function () { annoncer("Un fichier de l'observatoire manque : " + chemin); fini(false); };
    s.src = chemin;
    document.body.append(s);
  }
  function annoncer(texte) { var a = element("annonce"); if (a) a.textContent = texte; }

  /* Answers in words. */
  function morceaux(reponse, g) {
    var zone = reponse[2 * g], pres = reponse[2 * g + 1], drapeaux = reponse[reponse.length - 1], marge = etat.marge || etat.index.limite;
    var z = zone >= 0 ? etat.index.zones[zone] : null, doutes = [];
    if (pres >= 0) doutes.push("à moins de " + Math.round(marge) + " m de " + (pres === zone ? "sa limite" : "la limite de " + etat.index.zones[pres][1]));
    if (drapeaux & 1) doutes.push("la position de l'adresse est approximative");
    if (drapeaux & 2) doutes.push("cette adresse a plusieurs positions, qui ne sont pas toutes du même côté");
    return { zone: z, inconnu: zone === -2, doutes: doutes };
  }
  function ligne(reponse, g) {
    var m = morceaux(reponse, g), generation = etat.index.generations[g];
    var li = noeud("li", m.inconnu ? "inconnu" : m.zone ? "dedans" : "dehors");
    li.append(phrase(m), noeud("span", "generation", ", périmètre de " + generation.nom), doutes(m));
    if (generation.vigueur) li.append(noeud("span", "note", generation.vigueur));
    return li;
  }
  function phrase(m) {
    var p = noeud("span", "verdict");
    if (m.inconnu) p.textContent = "on ne sait pas";
    else if (!m.zone) p.textContent = "hors de tout quartier";
    else {
      var nom = noeud(m.zone[3] ? "a" : "span", "", m.zone[1]);
      if (m.zone[3]) nom.href = "quartiers/" + m.zone[3] + ".html";
      p.append("dans le quartier ", nom, " (" + m.zone[0] + ")");
    }
    return p;
  }
  function doutes(m) {
    var n = document.createDocumentFragment();
    if (m.doutes.length) n.append(" ", noeud("strong", "verifier", "à vérifier"), noeud("span", "doute", " " + m.doutes.join(" ; ")));
    return n;
  }
  function repondre(titre, contenu, hachage) {
    var ou = element("reponse");
    ou.replaceChildren(noeud("h2", "", titre));
    contenu.forEach(function (c) { ou.append(c); });
    ou.hidden = false;
    etat.dit = hachage;
    if (location.hash.slice(1) !== hachage) location.hash = hachage;
  }
  function liste(reponse) {
    var ul = noeud("ul", "reponses");
    etat.index.generations.forEach(function (_, g) { ul.append(ligne(reponse, g)); });
    return ul;
  }
  function nomDe(voie) { return voie.ancienne ? voie.nom + " (" + voie.ancienne + ")" : voie.nom; }
  function lieuDe(c) { return nomDe(c.voie) + ", " + (c.voie.postal ? c.voie.postal + " " : "") + c.commune.nom; }
  function intitule(c) { return c.numero && ecrit(c.numero) ? ecrit(c.numero) + " " + R.suite(lieuDe(c)) : lieuDe(c); }
  function ecrit(numero) { return numero[0] < 0 ? numero[1] : (numero[0] + " " + numero[1]).trim(); }
  function montrer(c) {
    etat.marge = null;
    var h = { c: c.commune.code, v: c.voie.nom };
    if (c.voie.postal) h.p = c.voie.postal;
    if (c.voie.ancienne) h.a = c.voie.ancienne;
    if (c.numero) {
      h.n = c.numero[0];
      if (c.numero[1]) h.s = c.numero[1];
      return repondre(intitule(c), [liste(c.numero[2])], new URLSearchParams(h).toString());
    }
    var contenu = [];
    if (c.voulu) contenu.push(noeud("p", "note", "Le numéro " + (c.voulu[0] + " " + c.voulu[1]).trim() + " n'est pas dans le fichier d'adresses : voici ce que l'on sait de la voie."));
    if (c.voie.morceaux.length === 1) contenu.push(noeud("p", "", "Toutes les adresses connues de cette voie : " + R.parles(c.voie.morceaux[0][1]) + "."), liste(c.voie.morceaux[0][0]));
    else contenu.push(noeud("p", "", "Cette voie n'est pas tout entière du même côté : la réponse dépend du numéro."), tableau(c.voie));
    repondre(intitule(c), contenu, new URLSearchParams(h).toString());
  }
  function tableau(voie) {
    var boite = noeud("div", "defile"), t = noeud("table"), tete = noeud("tr"), corps = noeud("tbody"), haut = noeud("thead");
    ["Numéros"].concat(etat.index.generations.map(function (g) { return "Périmètre de " + g.nom; })).forEach(function (mots) {
      var th = noeud("th", "", mots);
      th.scope = "col";
      tete.append(th);
    });
    haut.append(tete);
    voie.morceaux.slice().sort(function (a, b) { return R.numeros(a[1])[0][0] - R.numeros(b[1])[0][0]; }).forEach(function (m) {
      var tr = noeud("tr"), th = noeud("th", "", R.parles(m[1]));
      th.scope = "row";
      tr.append(th);
      etat.index.generations.forEach(function (_, g) {
        var td = noeud("td"), dit = morceaux(m[0], g);
        td.append(phrase(dit), doutes(dit));
        tr.append(td);
      });
      corps.append(tr);
    });
    t.append(noeud("caption", "", nomDe(voie)), haut, corps);
    boite.append(t);
    boite.tabIndex = 0;
    boite.setAttribute("role", "region");
    boite.setAttribute("aria-label", "Réponse selon le numéro");
    return boite;
  }

  /* The combobox. */
  function choisie() { var s = element("commune"); return s ? s.value : etat.index.communes[0][0]; }
  function chercher(texte, apres) {
    var codes = R.necessaires(texte, etat.index.communes, choisie(), etat.index.peu);
    if (!codes) return apres(null);
    var reste = codes.length;
    codes.forEach(function (code) {
      script("donnees/adresses/" + code + ".js", function () { if (--reste === 0) apres(R.chercher(texte, etat.index.communes, etat.ouvertes, choisie(), 10)); });
    });
  }
  function fermer() {
    var saisie = element("adresse");
    element("propositions").hidden = true;
    saisie.setAttribute("aria-expanded", "false");
    saisie.removeAttribute("aria-activedescendant");
    etat.actif = -1;
  }
  function proposer() {
    var texte = element("adresse").value;
    if (R.simple(texte).length < 2) { annoncer(""); etat.choix = []; return fermer(); }
    chercher(texte, function (trouves) {
      if (element("adresse").value !== texte) return;
      etat.choix = trouves || [];
      if (!trouves) { annoncer("Choisissez la commune, ou écrivez-la après une virgule."); return fermer(); }
      if (!trouves.length) { annoncer("Aucune rue ne correspond. Vérifiez l'orthographe, ou la commune."); return fermer(); }
      annoncer(trouves.length + (trouves.length > 1 ? " adresses proposées" : " adresse proposée") + ", flèches haut et bas pour choisir.");
      element("propositions").replaceChildren.apply(element("propositions"), trouves.map(option));
      element("propositions").hidden = false;
      element("adresse").setAttribute("aria-expanded", "true");
      activer(-1);
    });
  }
  function option(c, i) {
    var o = noeud("li", "", intitule(c));
    o.id = "proposition-" + i;
    o.setAttribute("role", "option");
    o.setAttribute("aria-selected", "false");
    if (!c.numero && c.voulu) o.append(noeud("span", "note", " sans le numéro " + c.voulu[0]));
    o.addEventListener("pointerdown", function (e) { e.preventDefault(); });
    o.addEventListener("click", function () { prendre(i); });
    return o;
  }
  function activer(i) {
    etat.actif = i;
    var saisie = element("adresse");
    Array.from(element("propositions").children).forEach(function (o, k) {
      o.setAttribute("aria-selected", k === i ? "true" : "false");
      if (k === i) o.scrollIntoView({ block: "nearest" });
    });
    if (i < 0) saisie.removeAttribute("aria-activedescendant");
    else saisie.setAttribute("aria-activedescendant", "proposition-" + i);
  }
  function prendre(i) {
    var c = etat.choix[i];
    fermer();
    element("adresse").value = intitule(c);
    annoncer("");
    montrer(c);
  }
  function touche(e) {
    var ouverte = !element("propositions").hidden, n = etat.choix.length;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (!ouverte) return proposer();
      var pas = e.key === "ArrowDown" ? 1 : -1;
      activer(etat.actif < 0 ? (pas > 0 ? 0 : n - 1) : (etat.actif + pas + n) % n);
    } else if (e.key === "Enter" && ouverte) {
      e.preventDefault();
      prendre(Math.max(etat.actif, 0));
    } else if (e.key === "Escape") {
      if (ouverte) fermer();
      else e.target.value = "";
    }
  }

  /* The map. */
  function ouvrirCarte(apres) {
    if (element("ouvrir-carte")) element("ouvrir-carte").parentNode.hidden = true;
    element("carte-lieu").hidden = false;
    if (etat.carte) return apres();
    var reste = 3;
    ["ressources/leaflet/leaflet.js", "donnees/perimetres.js", "donnees/adresses/perimetres.js"].forEach(function (chemin) {
      script(chemin, function (lu) { if (lu && --reste === 0) { if (!etat.carte) dessiner(); apres(); } });
    });
  }
  function trait(aire, classe, poids) {
    return L.geoJSON({ type: "Feature", properties: {}, geometry: { type: "MultiPolygon", coordinates: aire } },
      { interactive: false, style: function () { return { className: classe, weight: poids, fillOpacity: 1 }; } });
  }
  function dessiner() {
    var carte = L.map("carte-adresse", { attributionControl: false, zoomSnap: 0.25 }), cadre = L.latLngBounds([]);
    carte.getContainer().setAttribute("aria-label", "Carte des quartiers ; les coordonnées se donnent aussi dans le champ qui précède");
    etat.communes.forEach(function (c) { if (c[2]) trait(c[2], "commune", 1).addTo(carte); });
    etat.index.generations.forEach(function (_, g) {
      etat.index.zones.forEach(function (z, n) {
        if (z[2] !== g || !etat.aires[n]) return;
        var t = trait(etat.aires[n], "gen gen" + g % 3, 1.5).addTo(carte);
        cadre.extend(t.getBounds());
      });
    });
    carte.fitBounds(cadre, { padding: [16, 16] });
    var milieu = cadre.getCenter();
    element("exemple").textContent = decimales(milieu.lat, 4) + " ; " + decimales(milieu.lng, 4);
    carte.on("click", function (e) {
      var pixel = 40075016.7 * Math.cos(e.latlng.lat * Math.PI / 180) / Math.pow(2, carte.getZoom() + 8);
      situer(e.latlng.lat, e.latlng.lng, Math.max(etat.index.limite, 2 * pixel));
      element("reponse").scrollIntoView({ block: "nearest" });
    });
    carte.getPane("overlayPane").querySelectorAll("svg").forEach(function (s) { s.setAttribute("aria-hidden", "true"); });
    etat.carte = carte;
  }
  function decimales(x, n) { return x.toFixed(n).replace(".", ","); }
  function situer(lat, lon, marge) {
    lat = Number(lat.toFixed(6));
    lon = Number(lon.toFixed(6));
    var connues = etat.communes.filter(function (c) { return c[2]; });
    var ici = connues.find(function (c) { return R.dans(lon, lat, c[2]); });
    var titre = decimales(lat, 6) + " ; " + decimales(lon, 6) + (ici ? ", " + ici[1] : "");
    if (etat.point) etat.point.remove();
    etat.point = L.circleMarker([lat, lon], { className: "lieu", radius: 7, interactive: false }).addTo(etat.carte);
    element("coordonnees").value = decimales(lat, 6) + " ; " + decimales(lon, 6);
    etat.marge = marge;
    var reponse = R.situer(lon, lat, ici ? ici[0] : "", etat.index.generations, etat.index.zones, etat.aires, marge);
    var tenu = reponse.some(function (n, i) { return i % 2 === 0 && i < reponse.length - 1 && n >= 0; });
    if (ici || tenu) return repondre(titre, [liste(reponse)], new URLSearchParams({ lat: lat, lon: lon }).toString());
    var mots = "Ce point n'est dans aucune des communes de cet observatoire, qui n'en sait rien.";
    if (connues.some(function (c) { return R.dans(lat, lon, c[2]); })) mots += " La latitude et la longitude semblent inversées.";
    repondre(titre, [noeud("p", "", mots)], new URLSearchParams({ lat: lat, lon: lon }).toString());
  }

  /* The address bar says what is shown; nothing of it is trusted. */
  function suivre() {
    var h = location.hash.slice(1);
    if (!h || h === etat.dit) return;
    var p = new URLSearchParams(h), lieu = R.coordonnees((p.get("lat") || "") + " " + (p.get("lon") || ""));
    if (lieu) return ouvrirCarte(function () { situer(lieu[0], lieu[1], etat.index.limite); });
    if (!etat.index.communes.some(function (c) { return c[0] === p.get("c"); })) return;
    script("donnees/adresses/" + p.get("c") + ".js", function () {
      var commune = etat.ouvertes[p.get("c")];
      var voie = commune && commune.voies.find(function (v) {
        return v.nom === p.get("v") && v.postal === (p.get("p") || "") && v.ancienne === (p.get("a") || "");
      });
      if (!voie) return annoncer("L'adresse de ce lien n'est pas, ou n'est plus, dans cet observatoire.");
      var n = p.has("n") ? R.adresses(voie).find(function (a) { return String(a[0]) === p.get("n") && a[1] === (p.get("s") || ""); }) : null;
      var c = { commune: commune, voie: voie, numero: n || null, voulu: p.has("n") && !n ? [p.get("n"), p.get("s") || ""] : null };
      element("adresse").value = intitule(c);
      montrer(c);
    });
  }
  function preparer() {
    var seule = !etat.index.communes.length;
    element("sur-la-carte").hidden = false;
    element("point").addEventListener("submit", function (e) {
      e.preventDefault();
      var lieu = R.coordonnees(element("coordonnees").value);
      if (!lieu) return repondre("Coordonnées illisibles", [noeud("p", "", "Donnez deux nombres, la latitude puis la longitude, séparés par un point-virgule.")], "");
      ouvrirCarte(function () { situer(lieu[0], lieu[1], etat.index.limite); });
    });
    if (seule) ouvrirCarte(function () { return null; });
    else {
      element("ouvrir-carte").addEventListener("click", function () { ouvrirCarte(function () { element("coordonnees").focus(); }); });
      element("recherche").hidden = false;
      element("recherche").addEventListener("submit", function (e) {
        e.preventDefault();
        chercher(element("adresse").value, function (trouves) { etat.choix = trouves || []; if (etat.choix.length) prendre(0); else proposer(); });
      });
      element("adresse").addEventListener("input", proposer);
      element("adresse").addEventListener("keydown", touche);
      element("adresse").addEventListener("blur", fermer);
      if (element("commune")) element("commune").addEventListener("change", proposer);
    }
    window.addEventListener("hashchange", suivre);
    suivre();
  }
  /* What the territory's map reads, for the communes' outlines. */
  window.QPV = { perimetres: function (d) { etat.communes = d.communes; } };
  return {
    index: function (d) { etat.index = d; preparer(); },
    commune: function (d) { etat.ouvertes[d.code] = R.ouvrir(d); },
    perimetres: function (d) { etat.aires = d; }
  };
})();
