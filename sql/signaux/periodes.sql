-- une ligne par indicateur, zonage de quartiers et période : si elle est perimée, et les périmètres dont elle relève
SELECT v.indicateur, v.zonage, v.periode, bool_or(l.statut = 'perimee') AS perimee,
  coalesce(string_agg(DISTINCT CASE WHEN v.role = 'perimetre' THEN v.livraison END, ' ' ORDER BY
    CASE WHEN v.role = 'perimetre' THEN v.livraison END), '') AS perimetres
FROM valeurs_livraisons v
LEFT JOIN livraisons l ON l.jeu = v.jeu AND l.periode = v.periode AND v.role = 'source'
WHERE v.zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')
GROUP BY v.indicateur, v.zonage, v.periode
