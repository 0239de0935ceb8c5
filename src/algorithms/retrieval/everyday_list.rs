//! Everyday questions with the sentences that answer them, the same ones in each language: what a model makes of them tells
//! what its vectors are worth.

use crate::algorithms::retrieval::Language;

/// How many there are in each language.
pub(super) const COUNT: usize = 10;

/// A question and the sentence that answers it.
type Pair = (&'static str, &'static str);

/// In the order of [`Language::ALL`]; the same place says the same thing.
pub(super) const EVERYDAY: [(Language, [Pair; COUNT]); 4] = [
    (
        Language::German,
        [
            (
                "Wie lange muss der Kuchen backen?",
                "Der Kuchen muss vierzig Minuten im Ofen backen.",
            ),
            (
                "Gegen wen spielt unsere Mannschaft am Sonntag?",
                "Am Sonntag spielt unsere Mannschaft gegen den Tabellenführer.",
            ),
            (
                "Wo schläft die Katze am liebsten?",
                "Die Katze schläft am liebsten auf dem Fensterbrett.",
            ),
            ("Seit wann lernt ihre Tochter Geige?", "Ihre Tochter lernt seit zwei Jahren Geige."),
            (
                "Von welchem Gleis fährt der Zug nach Hamburg?",
                "Der Zug nach Hamburg fährt heute von Gleis sieben.",
            ),
            (
                "Aus welchem Jahrhundert sind die Bilder im Museum?",
                "Im Museum hängen Bilder aus dem siebzehnten Jahrhundert.",
            ),
            (
                "Wobei hat er sich das Knie verletzt?",
                "Er hat sich beim Skifahren das Knie verletzt.",
            ),
            (
                "Was für eine Wohnung suchen wir?",
                "Wir suchen eine Wohnung mit drei Zimmern und Balkon.",
            ),
            (
                "Wann war das Konzert ausverkauft?",
                "Das Konzert war schon nach einer Stunde ausverkauft.",
            ),
            (
                "Wann werden die Rosen zurückgeschnitten?",
                "Vor dem Winter werden die Rosen zurückgeschnitten.",
            ),
        ],
    ),
    (
        Language::French,
        [
            (
                "Combien de temps le gâteau doit-il cuire ?",
                "Le gâteau doit cuire quarante minutes au four.",
            ),
            (
                "Contre qui notre équipe joue-t-elle dimanche ?",
                "Dimanche, notre équipe joue contre le premier du classement.",
            ),
            (
                "Où le chat aime-t-il dormir ?",
                "Le chat dort volontiers sur le rebord de la fenêtre.",
            ),
            (
                "Depuis quand sa fille apprend-elle le violon ?",
                "Sa fille apprend le violon depuis deux ans.",
            ),
            (
                "De quelle voie part le train pour Lyon ?",
                "Le train pour Lyon part de la voie sept.",
            ),
            (
                "De quel siècle datent les tableaux du musée ?",
                "Le musée expose des tableaux du dix-septième siècle.",
            ),
            ("Comment s'est-il blessé au genou ?", "Il s'est blessé au genou en faisant du ski."),
            (
                "Quel appartement cherchons-nous ?",
                "Nous cherchons un appartement de trois pièces avec balcon.",
            ),
            (
                "Quand le concert affichait-il complet ?",
                "Le concert affichait complet au bout d'une heure.",
            ),
            ("Quand taille-t-on les rosiers ?", "On taille les rosiers avant l'hiver."),
        ],
    ),
    (
        Language::Italian,
        [
            (
                "Quanto deve cuocere la torta?",
                "La torta deve cuocere in forno per quaranta minuti.",
            ),
            (
                "Contro chi gioca la nostra squadra domenica?",
                "Domenica la nostra squadra gioca contro la prima in classifica.",
            ),
            ("Dove piace dormire al gatto?", "Al gatto piace dormire sul davanzale."),
            (
                "Da quanto tempo la loro figlia impara il violino?",
                "La loro figlia impara il violino da due anni.",
            ),
            (
                "Da quale binario parte il treno per Milano?",
                "Il treno per Milano parte dal binario sette.",
            ),
            (
                "Di quale secolo sono i quadri del museo?",
                "Il museo espone quadri del diciassettesimo secolo.",
            ),
            ("Come si è fatto male al ginocchio?", "Si è fatto male al ginocchio sciando."),
            ("Che appartamento cerchiamo?", "Cerchiamo un appartamento di tre locali con balcone."),
            ("Quando è andato esaurito il concerto?", "Il concerto era esaurito dopo un'ora."),
            ("Quando si potano le rose?", "Prima dell'inverno si potano le rose."),
        ],
    ),
    (
        Language::English,
        [
            (
                "How long does the cake have to bake?",
                "The cake has to bake in the oven for forty minutes.",
            ),
            (
                "Who does our team play against on Sunday?",
                "On Sunday our team plays against the leaders of the league.",
            ),
            ("Where does the cat like to sleep?", "The cat likes to sleep on the window sill."),
            (
                "How long has their daughter been learning the violin?",
                "Their daughter has been learning the violin for two years.",
            ),
            (
                "Which platform does the train to London leave from?",
                "The train to London leaves from platform seven.",
            ),
            (
                "Which century are the paintings in the museum from?",
                "The museum shows paintings of the seventeenth century.",
            ),
            ("How did he hurt his knee?", "He hurt his knee while skiing."),
            (
                "What kind of flat are we looking for?",
                "We are looking for a flat with three rooms and a balcony.",
            ),
            ("When was the concert sold out?", "The concert was sold out after an hour."),
            ("When are roses cut back?", "Roses are cut back before winter."),
        ],
    ),
];
