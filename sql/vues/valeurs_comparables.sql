-- une ligne par valeur : ce qui s'y compare d'une zone à l'autre, ou pourquoi rien ne s'y compare
SELECT v.zonage, v.code_zone, v.indicateur, v.modalite, v.periode, v.valeur, g.base, p.population,
  CASE g.base WHEN 'valeur' THEN v.valeur
    WHEN 'pour_1000_habitants' THEN round(1000 * v.valeur / p.population, g.decimales) END AS valeur_comparee,
  CASE WHEN g.base IS NULL THEN 'nature'
    WHEN v.statut_diffusion <> 'diffusee' THEN 'cachee'
    WHEN v.statut_observation = 'sans_objet' THEN 'sans_objet'
    WHEN v.valeur IS NULL THEN 'inconnue'
    WHEN g.base = 'pour_1000_habitants' AND p.population IS NULL THEN 'sans_population' END AS motif
FROM valeurs v
JOIN regles_comparaison g ON g.indicateur = v.indicateur
LEFT JOIN populations p ON p.zonage = v.zonage AND p.code_zone = v.code_zone AND p.periode = v.periode
