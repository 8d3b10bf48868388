-- une ligne par valeur, comme un tableur français la lit : virgule décimale, « secret » pour ce qui est caché
-- entrées : lisibles (une ligne par valeur)
SELECT type_zone AS "Type de zone", zonage AS "Zonage", code_zone AS "Code de la zone", nom_zone AS "Zone",
  theme AS "Thème", titre AS "Indicateur", indicateur AS "Code de l'indicateur", libelle AS "Modalité", unite AS "Unité",
  periode AS "Période",
  CASE WHEN cachee THEN 'secret' ELSE nombre(valeur) END AS "Valeur",
  statut AS "Statut", nombre(numerateur) AS "Numérateur", nombre(denominateur) AS "Dénominateur",
  qualite AS "Qualité de localisation", publication AS "Publication"
FROM lisibles
ORDER BY zonage, code_zone, indicateur, modalite <> 'ensemble', modalite, periode_debut, periode
