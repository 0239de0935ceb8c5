//! Words that carry a sentence but not its subject, for each language.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::algorithms::retrieval::Language;

/// The stop set of Lucene's `EnglishAnalyzer`: short on purpose, and the one that published figures use.
const ENGLISH: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there \
     these they this to was will with";

const GERMAN: &str = "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf \
     aus bei beim bin bis bist da dabei dadurch dafür dagegen daher damit danach daran darauf daraus darf darin darüber \
     darum davon dazu dass daß das dasselbe dein deine deinem deinen deiner dem demselben den denen denn denselben der \
     deren derer derselbe derselben des desselben dessen dich die dies diese dieselbe dieselben diesem diesen dieser \
     dieses dir doch dort du durch ein eine einem einen einer eines einig einige einigem einigen einiger einiges einmal \
     er es etwas euch euer eure eurem euren eurer für gegen gewesen hab habe haben hat hatte hatten hier hin hinter hätte \
     hätten ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist jede jedem jeden jeder jedes jene \
     jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner können könnte man manche manchem manchen mancher \
     manches mein meine meinem meinen meiner mich mir mit muss muß musste müssen nach nachdem nicht nichts noch nun nur \
     ob oder ohne sehr sein seine seinem seinen seiner seit selbst sich sie sind so solche solchem solchen solcher \
     solches soll sollte sollen sondern sonst sowie um und uns unser unsere unserem unseren unter viel vom von vor wann \
     war waren warum was weg weil weiter welche welchem welchen welcher welches wenn werde werden wer wie wieder will \
     wir wird wirst wo wollen wollte während würde würden zu zum zur zwar zwischen über wurde wurden worden bzw wem wen \
     wessen wieso woher wohin womit wodurch wovon wieviel bereits je jeweils jeweilige jeweiligen sowohl gemäss gemäß \
     dürfen gibt heisst heißt";

const FRENCH: &str = "à a ai ait alors après au aucun aucune aura aurait aussi autre autres aux avait avant avec avoir ayant \
     c ça car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme comment d dans de depuis des dès deux \
     doit dois doivent donc dont du duquel elle elles en encore entre es est et étaient était étant étant être eu eux \
     fait faut font furent fut il ils j je jusqu jusque l la là laquelle le lequel les lesquelles lesquels leur leurs lors \
     lorsqu lorsque lui m ma mais me même mêmes mes moi mon n ne ni non nos notre nous on ont or ou où par parce pas pendant \
     peu peut peuvent plus pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa sans se selon sera \
     serait seront ses si soit son sont sous suis sur t ta tandis te tes toi ton tous tout toute toutes très tu un une \
     vers via voir vos votre vous y afin ainsi";

const ITALIAN: &str = "a abbia abbiamo ad agli ai al alcuni alcune alla alle allo altre altri altro anche ancora avere aveva \
     avevano avrà c che chi ci ciò cioè coi col come con contro cosa cui d da dagli dai dal dalla dalle dallo degli dei \
     del dell della delle dello dentro deve devono di dopo dove due durante e è ed era erano essa esse essere essi esso \
     fa fanno fino fra gli ha hai hanno ho i il in io l la le lei li lo loro lui ma me mentre mi mia mie miei mio molto \
     n ne né negli nei nel nell nella nelle nello no noi non nostra nostre nostri nostro o ogni oppure per perché però \
     più può possono poi prima qual quale quali quando quanta quante quanti quanto quella quelle quelli quello questa \
     queste questi questo qui s sarà se sei senza si sia siamo siano sono sopra sotto sta stata state stati stato su sua \
     sue sugli sui sul sull sulla sulle sullo suo suoi tra tra tu tua tue tuo tuoi tutta tutte tutti tutto un una uno v \
     vi voi";

/// Further words without which few sentences and questions do; they tell the language. Lucene's English set is too
/// short for that.
const FRENCH_TELLING: &str = "combien quel quelle d'un d'une c'est";
const ITALIAN_TELLING: &str = "quanto qual dov'è cos'è c'è";
const ENGLISH_TELLING: &str = "how what when which who why where does do did has have had been can could may must should shall would i am we our you \
     your he she his her its from than my any all much many about after before between under over there's i'm it's";

/// Words of a question that say what kind of answer is wanted, not what it is about.
const ASKING: &str = "wie viel viele vielen wieviel wieviele hoch gross groß lange weit oft wann welche welcher welches welchem \
     welchen was wer wo warum heisst heißt bedeutet kann darf muss mein meine meinem meinen meiner ab ich wir gibt \
     bekomme bekommt bringt soll zählt zahlt mindestens höchstens maximal combien quel quelle quels quelles quand comment \
     pourquoi qui quoi est-ce dois faut doit peut dans où puis-je peux rythme depuis quanto quanta quanti quante quale \
     quali quando come perché chi cosa deve può how many much what when which who whom whose where why long often far \
     large big high old does do did is are was were can could may must should shall has have had i we my our me you your \
     am allowed per he she his her its from about than more most some any all been being also after before during over \
     under between up out off only other who's what's";

static SETS: LazyLock<[HashSet<&'static str>; 4]> = LazyLock::new(|| {
    [GERMAN, FRENCH, ITALIAN, ENGLISH].map(|words| words.split_whitespace().collect())
});
static ASKING_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| ASKING.split_whitespace().collect());

/// Whether `word` (lower case) is a stop word of the language.
pub(super) fn contains(language: Language, word: &str) -> bool {
    let index = match language {
        Language::German => 0,
        Language::French => 1,
        Language::Italian => 2,
        Language::English => 3,
    };
    SETS[index].contains(word)
}

/// Whether `word` (lower case) tells that a text is of the language.
pub(super) fn tells(language: Language, word: &str) -> bool {
    let more = match language {
        Language::German => "",
        Language::French => FRENCH_TELLING,
        Language::Italian => ITALIAN_TELLING,
        Language::English => ENGLISH_TELLING,
    };
    contains(language, word) || more.split(' ').any(|telling| telling == word)
}

/// Whether `word` (lower case) belongs to the asking itself.
pub(super) fn asks(word: &str) -> bool {
    ASKING_SET.contains(word)
}
