//! Words that everybody uses about anything: where they stand tells little, however rare they are in the documents.

/// By general knowledge of the four languages, not from any collection; forms that have one stem stand once.
pub(super) const GERMAN: &str = "jahr tag woche monat stunde zeit mal mensch leute kind frau mann leben welt land stadt ort teil seite sache ding \
     frage antwort problem grund art fall beispiel name zahl anzahl wort weg ende anfang mitte stelle platz haus wohnung \
     gruppe hand kopf auge bild buch geschichte arbeit geld schule familie freund gut besser best schlecht neu alt jung groß \
     größer klein kleiner hoch höher hohe niedrig tief lang länger kurz kürzer viel mehr meist wenig weniger schnell langsam \
     früh früher spät später leicht schwer schwierig einfach stark schwach richtig falsch wichtig möglich nötig notwendig \
     bestimmt gleich verschieden ähnlich ganz halb voll leer offen eigen frei sicher klar genau ungefähr fast etwa ziemlich \
     besonders wirklich eigentlich vielleicht wahrscheinlich natürlich normal üblich gewöhnlich überhaupt immer nie oft \
     manchmal selten wieder schon bald heute gestern morgen damals vorher nachher zuerst zuletzt endlich plötzlich dann \
     danach nah weit oben unten vorne hinten links rechts innen außen drinnen draußen hier dort überall irgendwo niemand \
     jemand alles beide mehrere einzig erst zweit dritt letzt nächst zusammen allein gern genug eben gerade trotzdem deshalb \
     geben nehmen machen tun gehen kommen stehen sitzen liegen legen stellen setzen bleiben lassen laufen fahren bringen \
     holen tragen halten ziehen fallen steigen sinken finden suchen sehen schauen hören fühlen denken glauben wissen kennen \
     verstehen lernen lesen schreiben sprechen reden sagen erzählen fragen antworten rufen heißen nennen bedeuten meinen \
     zeigen erklären brauchen benutzen nutzen verwenden gebrauchen wollen sollen mögen müssen dürfen können werden haben \
     bekommen erhalten kriegen besitzen gehören kaufen kosten zahlen bezahlen arbeiten spielen leben wohnen essen trinken \
     schlafen beginnen anfangen aufhören enden dauern warten folgen führen helfen versuchen schaffen ändern verändern \
     öffnen schließen gewinnen verlieren treffen passieren geschehen entstehen scheinen wirken gelten betragen enthalten \
     hängen stammen erreichen erfahren erwarten erlauben verlangen funktionieren passen fehlen reichen tut tue gemacht \
     gibt ging kam stand lag ließ lief fuhr brachte hielt fand sah dachte wusste sprach sagte nahm wurde bisher inzwischen \
     insgesamt jährlich ungefähr lieber mögliche dessen ja nein bitte danke eh halt mindestens höchstens maximal minimal \
     egal extra hundert tausend million laut mithilfe obwohl sobald solange bevor seitdem statt anstatt außer gegenüber \
     innerhalb außerhalb wegen trotz dank entlang rund gegen daheim unterwegs";

pub(super) const FRENCH: &str = "an année jour semaine mois heure temps fois homme femme gens personne enfant vie monde pays ville lieu \
     endroit part partie côté chose question réponse problème raison sorte type cas exemple nom nombre mot façon manière fin \
     début milieu place maison groupe main tête oeil image livre histoire travail argent école famille ami bon meilleur bien \
     mieux mauvais mal nouveau nouvel vieux ancien jeune grand petit haut bas long court large fort faible gros rapide vite \
     lent tôt tard facile difficile simple vrai faux juste important possible nécessaire certain même autre différent \
     plusieurs quelque chaque tout entier demi plein vide ouvert propre seul libre sûr clair exact presque environ assez trop \
     beaucoup peu moins plus très vraiment peut-être probablement naturellement normal habituel toujours jamais souvent \
     parfois rarement encore déjà bientôt aujourd'hui hier demain alors avant après ensuite enfin soudain près loin ici là \
     dessus dessous dedans dehors partout personne rien premier deuxième troisième dernier prochain ensemble donner prendre \
     faire aller venir rester laisser courir porter apporter mettre tenir tirer tomber monter descendre trouver chercher voir \
     regarder entendre écouter sentir penser croire savoir connaître comprendre apprendre lire écrire parler dire raconter \
     demander répondre appeler signifier montrer expliquer utiliser employer vouloir devoir pouvoir falloir avoir être devenir \
     recevoir obtenir posséder appartenir acheter coûter payer travailler jouer vivre habiter manger boire dormir commencer \
     finir arrêter durer attendre suivre conduire aider essayer changer ouvrir fermer gagner perdre rencontrer arriver passer \
     sembler paraître agir valoir contenir garder atteindre permettre exiger fonctionner manquer suffire partir sortir entrer \
     revenir rendre aimer fait donne prend met tient vient va vais dit voit sait veut doivent vu pris mis dit eu cent mille \
     million total annuel totalité moyen selon malgré grâce afin parmi contre pendant oui non merci ici maximum minimum \
     quantité existe exister situer trouve situé";

pub(super) const ITALIAN: &str = "anno giorno settimana mese ora tempo volta uomo donna gente persona bambino vita mondo paese città luogo posto \
     parte lato cosa domanda risposta problema ragione motivo tipo caso esempio nome numero parola modo maniera fine inizio \
     mezzo casa gruppo mano testa occhio immagine libro storia lavoro soldi denaro scuola famiglia amico buono migliore bene \
     meglio cattivo male nuovo vecchio antico giovane grande piccolo alto basso lungo corto largo forte debole grosso rapido \
     veloce lento presto tardi facile difficile semplice vero falso giusto importante possibile necessario certo stesso altro \
     diverso alcuni qualche ogni tutto intero mezzo pieno vuoto aperto proprio solo libero sicuro chiaro esatto quasi circa \
     abbastanza troppo molto poco meno davvero forse probabilmente naturalmente normale solito sempre mai spesso talvolta \
     raramente ancora già oggi ieri domani allora prima dopo poi infine vicino lontano qui là sopra sotto dentro fuori \
     ovunque nessuno niente nulla primo secondo terzo ultimo prossimo insieme dare prendere fare andare venire restare \
     rimanere lasciare correre portare mettere tenere tirare cadere salire scendere trovare cercare vedere guardare sentire \
     ascoltare pensare credere sapere conoscere capire imparare leggere scrivere parlare dire raccontare chiedere rispondere \
     chiamare significare mostrare spiegare usare utilizzare volere dovere potere avere essere diventare ricevere ottenere \
     possedere appartenere comprare costare pagare lavorare giocare vivere abitare mangiare bere dormire cominciare iniziare \
     finire smettere durare aspettare seguire guidare aiutare provare cambiare aprire chiudere vincere perdere incontrare \
     arrivare succedere passare sembrare agire valere contenere raggiungere permettere richiedere funzionare mancare bastare \
     partire uscire entrare tornare rendere amare cento mille milione totale annuale secondo nonostante grazie contro durante \
     sì no massimo minimo quantità esistere trova situato";

pub(super) const ENGLISH: &str = "year day week month hour time thing man woman people person child life world country city town place part side \
     question answer problem reason kind sort type case example name number word way end beginning middle house home group \
     hand head eye picture book story history work money school family friend good better best well bad worse new old young \
     great big bigger small little high higher low lower long longer short large wide strong weak fast quick slow early late \
     later easy hard difficult simple right wrong true false important possible necessary certain sure same other different \
     similar several some every each whole half full empty open own only free clear exact almost nearly about quite rather \
     very really actually maybe perhaps probably normal usual generally always never often sometimes rarely again still \
     already soon today yesterday tomorrow now then before after first second third last next finally suddenly near far here \
     there up down inside outside everywhere nobody somebody someone something anything nothing everything together alone \
     enough just even also too yet however although because since until while unless whether give take make do go come stand \
     sit lie lay put set stay leave let run drive bring get carry hold keep pull push fall rise find look see watch hear \
     listen feel think believe know understand learn read write speak talk say tell ask reply call mean show explain need \
     use want like love must may might can could should would will shall have be become receive obtain own belong buy cost \
     pay play live eat drink sleep begin start stop finish last wait follow lead help try change close win lose meet happen \
     seem appear act contain reach expect allow let require work fit miss turn move send cause given taken made done gone \
     came stood ran brought held found saw thought knew spoke said told took got went left kept felt became began built \
     hundred thousand million total yearly amount many much more most less least few around through against without within \
     during between among under over above below across along toward yes no please thanks what whatever who whoever \
     sort lot bit back away once twice ever else instead exist located different main major";
