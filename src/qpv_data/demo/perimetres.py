"""The contours of the twelve QPVs of each generation, as drawn: metres from the territory's origin.

Each line is a code, a name and its parts, each a shell and its holes. Between the two generations: 001
unchanged, 002 enlarged, 003 and 004 merged, 005 split, 006 across two communes, 007 with a hole, 008 in two
parts, 009 drawn as a bow-tie (invalid) then redrawn, 010 redrawn as a ring that touches itself (invalid),
011 left out, 012 enlarged across two communes of two EPCIs, and QN09912N new.
"""

from __future__ import annotations

from qpv_data.demo.geometrie import Anneau

Trace = tuple[str, str, tuple[tuple[Anneau, ...], ...]]

_LANTERNES: Anneau = ((620, 700), (1180, 640), (1260, 1150), (980, 1310), (600, 1200))
_FRONTIERE: Anneau = ((7600, 1500), (8350, 1450), (8420, 2050), (7650, 2100))
_COURONNE: Anneau = ((13500, 1000), (14400, 950), (14500, 1800), (13450, 1850))
_COUR: Anneau = ((13800, 1250), (13820, 1550), (14120, 1530), (14100, 1270))
_JUMEAU_A: Anneau = ((800, 5200), (1250, 5180), (1300, 5600), (820, 5650))
_JUMEAU_B: Anneau = ((1600, 5900), (1950, 5850), (2000, 6200), (1620, 6250))

QPV_2015: tuple[Trace, ...] = (
    ("QP099001", "Les Lanternes Éteintes", ((_LANTERNES,),)),
    ("QP099002", "Cœur-de-Brume", ((((2400, 2500), (2950, 2450), (3000, 2980), (2450, 3050)),),)),
    ("QP099003", "Le Marécage – Îlot d’Amont", ((((4700, 800), (5150, 760), (5200, 1250), (4720, 1300)),),)),
    ("QP099004", "Le Marécage – Îlot d’Aval", ((((5150, 760), (5650, 700), (5720, 1280), (5200, 1250)),),)),
    ("QP099005", "La Grande Étourdie", ((((9500, 2300), (10500, 2350), (10450, 2900), (9480, 2850)),),)),
    ("QP099006", "Sans-Frontière", ((_FRONTIERE,),)),
    ("QP099007", "La Couronne Creuse", ((_COURONNE, _COUR),)),
    ("QP099008", "Les Deux Jumeaux", ((_JUMEAU_A,), (_JUMEAU_B,))),
    ("QP099009", "Le Nœud Papillon", ((((4800, 5000), (5400, 5600), (5400, 5000), (4800, 5500)),),)),
    ("QP099010", "Les Fées Grincheuses", ((((6400, 6300), (6900, 6250), (6950, 6800), (6420, 6850)),),)),
    ("QP099011", "L’Oublié", ((((10300, 6500), (10800, 6450), (10850, 6950), (10320, 7000)),),)),
    ("QP099012", "Pont-aux-Chimères", ((((7700, 5000), (8300, 4950), (8350, 5500), (7720, 5550)),),)),
)

_COEUR_ELARGI: Anneau = ((2400, 2500), (2950, 2450), (3350, 2620), (3310, 3120), (3000, 2980), (2450, 3050))
_MARECAGE: Anneau = ((4700, 800), (5150, 760), (5650, 700), (5720, 1280), (5200, 1250), (4720, 1300))
_ETOURDIE_OUEST: Anneau = ((9500, 2300), (10000, 2325), (9965, 2875), (9480, 2850))
_ETOURDIE_EST: Anneau = ((10030, 2330), (10500, 2350), (10450, 2900), (9990, 2880))
_NOEUD_REDRESSE: Anneau = ((4800, 5000), (5400, 5000), (5400, 5600), (4800, 5500))
# the ring comes back to (6700, 6270) to draw a hole: self-touching, as published files sometimes are
_PINCE: Anneau = (
    (6400, 6300), (6700, 6270), (6600, 6450), (6800, 6450),
    (6700, 6270), (7000, 6240), (7050, 6800), (6420, 6850),
)  # fmt: skip

QPV_2024: tuple[Trace, ...] = (
    ("QN09901I", "Les Lanternes Éteintes", ((_LANTERNES,),)),
    ("QN09902M", "Cœur-de-Brume", ((_COEUR_ELARGI,),)),
    ("QN09903M", "Le Marécage", ((_MARECAGE,),)),
    ("QN09904M", "L'Étourdie Ouest", ((_ETOURDIE_OUEST,),)),
    ("QN09905M", "L'Étourdie Est", ((_ETOURDIE_EST,),)),
    ("QN09906I", "Sans-Frontière", ((_FRONTIERE,),)),
    ("QN09907I", "La Couronne Creuse", ((_COURONNE, _COUR),)),
    ("QN09908I", "Les Deux Jumeaux", ((_JUMEAU_A,), (_JUMEAU_B,))),
    ("QN09909M", "Le Nœud Redressé", ((_NOEUD_REDRESSE,),)),
    ("QN09910M", "Les Fées Grincheuses", ((_PINCE,),)),
    ("QN09911M", "Pont-aux-Chimères", ((((7700, 5000), (8500, 4930), (8560, 5500), (7720, 5550)),),)),
    ("QN09912N", "Le Quartier Neuf de Nullepart", ((((2700, 6700), (3200, 6650), (3250, 7150), (2720, 7200)),),)),
)
