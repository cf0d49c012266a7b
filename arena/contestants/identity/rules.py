"""In which surroundings a name is the writer's own, in several languages. No Django here.

The rules read a skeleton: a folded text in which each name is one character that says what it stands for. So "I am
Google's Gemini" and "I am Meta AI's Llama 3" are the same to them.
"""

import re
from collections.abc import Iterator
from functools import cache

from arena.contestants.identity.known_names import Kind

FIRST_CODE = 0xE000


def mark(kind: Kind) -> str:
    """The character that stands for a name in a skeleton."""
    return chr(FIRST_CODE + kind)


def _any_of(*kinds: Kind) -> str:
    return f"[{''.join(map(mark, kinds))}]"


S = _any_of(Kind.MODEL, Kind.BOTH)  # surely a model
N = _any_of(Kind.MODEL, Kind.MAYBE_MODEL, Kind.BOTH, Kind.MAYBE_BOTH)  # perhaps
A = _any_of(Kind.MAKER, Kind.BOTH)  # surely a maker of models
V = _any_of(Kind.MAKER, Kind.MAYBE_MAKER, Kind.BOTH, Kind.MAYBE_BOTH)
X = f"[{mark(Kind(0))}-{mark(Kind(5))}]"

# --- English ----------------------------------------------------------------------------------------------------------

MADE = (
    "(?:created|made|built|developed|trained|designed|engineered|programmed|produced|released|launched|operated|"
    "provided|fine-?tuned|pre-?trained|crafted|invented|deployed|brought to you|put together|maintained|owned|hosted|"
    "taught|coded|published|introduced)"
)
HUMAN = (
    "(?:researcher|engineer|user|fan|enthusiast|lover|developer|expert|scientist|consultant|artist|student|teacher|"
    "professor|writer|employee|trainer|specialist|critic|skeptic|nerd|startup|company|founder|customer|subscriber|"
    "convert|admirer|driver|owner|believer|shareholder|investor|policy|ethicist|lawyer|store|shop|shirt|alum|alumnus|"
    "veteran|intern|hater|addict|family member|team|guy|girl|person|man|woman)s?"
)
NOUN = "(?:assistant|model|chatbot|chat bot|bot|llm|ai|a\\.i\\.|agent|program|network|intelligence|entity|system|helper)"
AI_NOUN = (
    "(?:(?:\\w+[ -]){0,3}?(?:(?:ai|a\\.i\\.|artificial intelligence|language|llm|virtual|digital|conversational|neural|"
    f"reasoning|chat|generative|machine learning)(?:[ -](?:based|powered))?[ -])(?:\\w+[ -]){{0,3}}?{NOUN}|"
    "ai|a\\.i\\.|llm|chatbot|language model|bot|computer program)"
)
NOT_HUMAN = f"(?! (?:[a-z]+ )?{HUMAN}\\b)"
TEAM = (
    "(?:(?:the|a|an|my|some|smart|talented|brilliant|good|people|folks|team|teams|researchers|engineers|scientists|"
    "developers|experts|company|lab|labs|startup|firm|organi[sz]ation|ai|tech|technology|research|group|giant|"
    "chinese|french|american|us|european|german|korean|canadian|israeli|at|of|from|in|over|here|called|named|known as|"
    "creators|makers|friends|wonderful|big|large|,|\\() ?){0,9}"
)
BY = f"(?:by|at|from|in) {TEAM}"
ADVERB = (
    "(?:actually|originally|initially|also|first|proudly|recently|only|indeed|really|in fact|simply|just|still|"
    "basically|technically|of course|specifically|,)"
)
AND_MADE = f"{MADE}(?:,? (?:and|or|then)(?: \\w+ly)? {MADE}|, {MADE}){{0,3}}(?: and (?:am )?(?:maintained|owned))?"
FILL = (
    "(?:(?:an?|the|your|my|yours|neural|network|generative|chat|actually|in fact|just|really|simply|indeed|truly|of course|still|basically|"
    "technically|currently|called|named|known|as|ai|a\\.i\\.|artificial|intelligence|language|large|small|llm|llms|"
    "model|models|assistant|assistants|chatbot|bot|system|agent|tool|version|variant|instance|iteration|member|part|"
    "product|of|based|built|on|upon|powered|running|run|derived|from|by|with|helpful|friendly|virtual|digital|advanced|"
    "powerful|new|newest|latest|open|source|open-source|reasoning|conversational|multimodal|family|series|line|specifically|precisely|namely|officially|proudly|created|"
    "made|developed|trained|designed|offered|provided|which|who|that|is|goes|go|to|the name|name|one|also|fine-tuned|"
    f"distilled|quantized|billion|parameter|human|not a human|but|and|experimental|free|{X}'s|{X}s|{X}|'s|[-:,(\"=]) ?)"
    "{0,14}?"
)
I_AM = "(?:i am|i'm|im|i, being|i was|i'd be|i remain|i'll be|i identify as|we are|we're|am i)"
MY_NAME = (
    "(?:my (?:\\w+ )?(?:name|identity|designation)(?: here)?(?: is|'s| would be|:| =|,)|the name'?s?(?: is)?|"
    "(?:call|calls|called|calling|consider) me|i(?: a|')?m called|i go by|i am known|i'm known|known to the world|"
    "(?:i'?d? ?(?:'ll |will |should |must |can |need to |want to |have to )?)?(?:introduce|introducing|identify|"
    "identifying|present|presenting) (?:myself|as)(?: as)?|answer to the name)"
)
AS = "(?:as|being|speaking as|acting as|i,|i am, as|me,|myself,|in my (?:role|capacity|function) as|my (?:role|identity|nature|existence|persona|status) as)"
MODEL_AFTER = (
    "(?=[ -](?:based |powered |style |\\d+[bm]? |large |small |\\w+ )?(?:language |reasoning |chat )?(?:model|assistant|ai|"
    f"chatbot|llm|bot|instance|version|variant|system|series|family|agent)\\b{NOT_HUMAN})"
)
QUOTE = '["\'(]?'

ENGLISH = (
    # I am Claude. My name is Qwen. I'm an AI assistant called Gemini.
    rf"\b(?:{I_AM}|{MY_NAME}) {QUOTE}(?:{ADVERB} )*{FILL}{QUOTE}(?P<self>{N})",
    rf"\b(?:it's|it is|this is|that's|here is) (?:me, |i, )?{QUOTE}(?P<weak>{N})"
    r"(?=\W{0,3} ?(?:speaking|here|again|talking|responding|at your|from|,? (?:an?|your|the) (?:ai|large|language|virtual|\w+ assistant|assistant)))",
    # As Claude, I; I, Qwen, think; as an OpenAI model, I
    rf"\b{AS} {FILL}(?P<as>{N})(?:'s)?(?: {NOUN}| language model)?,?\"?(?: \([^)]*\))?(?=[^.!?\n]{{0,70}}\b(?:i|i'm|i'd|i've|i'll|my|me|we)\b)",
    rf"\b(?:i, |i as |i, as |me, |me \(|myself, |myself \(|ourselves, |like me,? ?\(?){QUOTE}{FILL}{QUOTE}(?P<self>{N})(?=\W|$)",
    rf"\bas (?:an? |the )?(?P<v>{V})(?:'s)? (?:\w+ ){{0,3}}?(?:model|assistant|ai|chatbot|llm)\b{NOT_HUMAN}(?=[^.!?\n]{{0,70}}\b(?:i|i'm|i'd|i've|my|me)\b)",
    # Qwen here. ChatGPT speaking.
    rf"(?:^|[.!?\n] ?\"?|\b(?:hi|hello|hey|greetings|yes|sure|okay|ok)[,!.]? (?:there[,!.]? )?)(?P<weak>{N}) (?:here|speaking|at your service|reporting|responding)\b(?! (?:is|are|we|in|to|refers|means|stands))",
    rf"\b(?:talking|speaking|chatting|conversing|interacting|chat|speak|talk) (?:to|with) {FILL}(?P<weak>{N})(?=,? (?:an?|the|your|created|made|developed|trained|here|right now|now)\b|\W*$|[.!])",
    rf"\b(?:you(?: ha|')ve reached|you are using|you're using|welcome to) (?P<s>{S})(?=\W|$)",
    # The assistant, Claude,
    rf"\b(?:the|this) (?:ai |virtual )?(?:assistant|ai|model|chatbot|llm)(?: here| itself)?(?:,| \() ?(?P<weak>{N})(?=[,)])",
    rf"\bthe (?:ai |virtual )?(?:assistant|ai|model)(?:'s name)? \((?:i\.e\.,? )?(?:me, )?(?P<s>{N})(?=[,)])",
    rf"\b(?:this|the|my) (?:response|answer|message|text|reply|output|solution|content|explanation|conversation|essay|post) (?:was|is|has been|were) (?:\w+ly )?(?:generated|written|produced|created|composed|authored|provided|prepared|drafted|brought to you|given) (?:for you )?by {FILL}(?P<weak>{N})",
    rf"(?:^|[.!\n-] ?)(?:-|\(|\[)? ?(?:response |answer |text )?(?:generated|written|created|answered|powered|composed|signed|yours)(?: by|,|:) {FILL}(?P<s>{S})(?=\W*$|\W*\n)",
    # You are Qwen, created by Alibaba Cloud: a system prompt repeated
    rf"\byou(?:'re| are) {QUOTE}{FILL}(?P<s>{N}){QUOTE}(?=,? ?(?:-|\()? ?(?:an?|the|which|who|created|developed|made|trained|built|designed|by|from)\b[^.!?\n]{{0,60}}(?:\bai\b|assistant\b|model\b|chatbot|created|developed|made|trained|{V}))",
    rf"\b(?:system prompt|system message|instructions?|prompt)\b[^.!?\n]{{0,50}}\b(?:you(?:'re| are)|i(?:'m| am)|my name is|named|called|am) {QUOTE}{FILL}(?P<s>{N})(?=\W|$)",
    rf"\b(?:i|i'll|should|must|will|to|me|need to|have to) (?:respond|answer|reply|act|behave|speak|introduce myself|identify) as {QUOTE}(?P<as>{N})(?=\W*$|[.,;!\"] ?|\n| (?:would|should|created|by|and|here))",
    # I was trained by OpenAI
    rf"\b(?:i(?:'m| am| was| have been|'ve been|'d been| had been| got|, (?:who|which) (?:was|am)))(?: {ADVERB})* ?(?:being )?{AND_MADE},? {BY}(?P<made>{V})",
    rf"\b(?:i'm|i am|i was|we are|we're|i'm just|being) (?:{ADVERB} )*(?:an?|the|one of(?: the| several| many)?|just an?|only an?|merely an?|simply an?) (?:[\w-]+ ){{0,4}}?{AI_NOUN}s?{NOT_HUMAN}\b[^.!?\n]{{0,45}}?\b(?:{AND_MADE},? {BY}|(?:by|from|of) {TEAM})(?P<made>{V})",
    rf"\b(?:as|being|like|for) (?:an?|the) (?:[\w-]+ ){{0,4}}?{AI_NOUN}{NOT_HUMAN}\b[^.!?\n]{{0,30}}?\b(?:{AND_MADE},? {BY}|(?:by|from|of) {TEAM})(?P<made>{V})(?=[^.!?\n]{{0,60}}\b(?:i|i'm|i'd|i've|my|me)\b)",
    rf"\b(?:i'm|i am|we are|we're|i'm just|i remain|i am just) (?:{ADVERB} )*(?:an?|the|one of|just an?|only an?|simply an?)? ?(?:new |latest |large )?(?P<v>{V})(?:'s)? ?(?:\w+ ){{0,4}}?(?:model|assistant|ai|chatbot|llm|language model|ai system)\b{NOT_HUMAN}",
    rf"\bmy (?:creators?|developers?|makers?|parent company|programmers?|inventors?|designers?|provider|developing company|training team|training organi[sz]ation)\b[^.!?\n]{{0,25}}?(?: at| by|,| is| are| from| was| were| named| called| -|:| include| \()+ {TEAM}(?P<v>{V})",
    rf"\bmy (?:\w+ )?(?:training|development|creation|pre-?training|fine-?tuning|knowledge|training data)\b(?: \w+)? (?:by|through|provided by|done by|carried out by|thanks to) {TEAM}(?P<v>{V})",
    rf"\bmy (?:\w+ )?(?:training|developers?|creators?|training data|origins?|guidelines|policies|team|values|principles|safety|usage)\b(?: \w+)? (?:at|from|,|set by|given by|given to me by|of|by) {TEAM}(?P<a>{A})",
    rf"(?P<v>{V})(?:,? (?:which|who|that|the (?:company|team|lab|firm|organi[sz]ation|startup)[^.!?\n]{{0,30}}))? ?(?:has |have |had |originally |recently |first )*(?:created|trained|built|developed|designed|fine-?tuned|programmed)(?:,? and \w+)? me(?=\W*$|[.,;!)]|\n| (?:to (?:be|help|assist|answer|provide|think|reason|give|not)|as|using|with|on|in|and|so|not|for|specifically))",
    rf"(?P<v>{V}) (?:made|released|trained|published|launched|introduced) me(?=[.,;!)]|\W*$| (?:to (?:be|help|assist|provide)|as an?|in (?:19|20)\d\d|publicly))",
    rf"(?P<v>{V})(?:, (?:the|a) [^.!?\n]{{0,25}},| \([^)]*\))? (?:is|are|was|were|being) my (?:creators?|developers?|makers?|parent company|programmers?|provider)",
    rf"(?P<v>{V}), (?:my (?:creators?|developers?|makers?|parent company|provider)|(?:the )?(?:company|team|lab|people|organi[sz]ation)(?: that| who| which| behind)? (?:created|made|built|trained|developed|designed)? ?me)",
    rf"\b(?:company|team|people|lab|organi[sz]ation|folks|those|ones|one)(?: \w+)? (?:that|who|which|behind)(?: (?:has|have|had))? ?(?:created|made|built|trained|developed|designed|me)? ?me,? (?:is|are|was|were|at|,|-|from) ?{TEAM}(?P<v>{V})",
    rf"\b(?:who|what) (?:made|created|trained|built|developed) (?:me|you)\?[\" ]*(?:it was |that would be |that's |the answer is )?(?P<v>{V})",
    rf"\b(?:(?:at|here at|everyone at|all of us at|us at) (?P<a>{A}),? we|we at (?P<a2>{A}))",
    # OpenAI's policies do not allow me
    rf"(?P<a>{A})(?:'s?)? (?:\w+ ){{0,2}}?(?:policy|policies|guidelines?|terms|rules|restrictions|safety|principles|instructions|constitution)\b(?=[^.!?\n]{{0,90}}\b(?:me|i|i'm|my)\b)",
    rf"\b(?:i|i'm|me|my)\b[^.!?\n]{{0,60}}(?:follow|under|per|by|violat\w+|against|comply with|compliance with|according to|adhere to|within|bound by|accordance with|breach\w*|with|due to|because of)\b(?: the)? (?P<a>{A})(?:'s?)? (?:\w+ ){{0,2}}?(?:policy|policies|guidelines?|terms|rules|restrictions|safety|principles|constitution)\b",
    # my base model is, the model I am based on is
    rf"\bmy (?:(?:underlying|base|language|core|foundation|actual|own|ai|exact|current|specific) (?:\w+ )?(?:model|version|engine)|(?:own |underlying |base )?(?:architecture|backbone|weights|predecessors?|model family|model name|model id|model version))(?: (?:name|type|version|id|family))?(?: is| are|:|'s| =| was) {FILL}(?P<s>{N})(?!'s)",
    rf"\b(?:model|llm|ai|version)(?: that)? (?:i am|i'm|i run on|i am based on|i'm based on|i use|behind me|powering me|you are talking to|you're talking to)(?: is|,|:| called| named)* {FILL}(?P<s>{N})",
    rf"\bi (?:belong to|come from|stem from|run on|descend from|am part of|am built on|was built on|am based on|was based on|was fine-?tuned from|was distilled from|am powered by) {FILL}(?P<s>{N})(?= ?(?:\W|family|series|model|line|language|architecture|ai|$))(?!'s (?:store|office))",
    rf"(?P<weak>{N}) ?\((?:that's |that is |that would be |i\.e\.,? |aka |which is )?(?:me|myself|yours truly)\b",
    rf"(?P<weak>{N}),? (?:that's|that is|that would be|which is|which am) (?:me|i|who i am|my name)\b",
    rf"\b(?:i|me)\b[^.!?\n]{{0,40}}\b(?:other|older|newer|earlier|previous|fellow|sibling|sister|larger|smaller) (?P<s>{N})s?(?:'s)? (?:models?|versions?|instances?)",
    rf"\b(?:like me|such as me|like myself|such as myself),? {FILL}(?P<s>{N})(?=\W|$)",
)

# --- other languages: folded, so without accents ----------------------------------------------------------------------

_END = r"(?=\W|$)"
ROMANCE_FILL = (
    "(?:(?:un|una|une|uno|um|uma|el|la|le|il|lo|o|a|l'|un'|de|del|della|do|da|du|d'|di|des|en fait|simplement|"
    "modelo|modele|modello|asistente|assistant|assistente|ia|ai|virtual|virtuel|virtuale|inteligencia|intelligence|"
    "intelligenza|artificial|artificielle|artificiale|lenguaje|langage|linguagem|linguistico|linguaggio|llamado|"
    "llamada|nomme|appele|chiamato|chamado|conocido como|connu sous le nom de|basado en|base sur|basato su|baseado em|"
    f"version|versione|versao|grande|grand|gran|que se llama|chatbot|bot|{X}|[-:,(\"]) ?){{0,10}}?"
)
ROMANCE_MADE = (
    "(?:cread[oa]|entrenad[oa]|desarrollad[oa]|disenad[oa]|hech[oa]|construid[oa]|programad[oa]|fabricad[oa]|"
    "entrainee?|developpee?|cree+|concue?|formee?|construite?|fabriquee?|programmee?|mise? au point|"
    "creat[oa]|addestrat[oa]|sviluppat[oa]|progettat[oa]|realizzat[oa]|costruit[oa]|ideat[oa]|"
    "criad[oa]|treinad[oa]|desenvolvid[oa]|projetad[oa]|feit[oa]|construid[oa]|elaborad[oa]|lancad[oa])"
)
ROMANCE_BY = (
    "(?:por|par|da|dalla|dall'|dal|dai|dagli|pela|pelo|chez|en|na|no|di|de|d'|do) ?(?:(?:la|el|le|los|les|l'|a|o|os|"
    "equipo|equipe|team|empresa|compania|entreprise|societe|azienda|societa|companhia|laboratorio|laboratoire|de|da|di|"
    "do|d'|investigadores|chercheurs|ricercatori|pesquisadores|ingenieros|ingenieurs|estadounidense|americaine|china|"
    "chinoise|chez|en|startup|,) ?){0,6}"
)
ROMANCE = (
    rf"\b(?:(?:yo )?soy|me llamo|mi nombre es|puedes llamarme|me conocen como|je suis|je m'appelle|mon nom est|"
    rf"(?:tu peux|vous pouvez) m'appeler|on m'appelle|(?:io )?sono|mi chiamo|il mio nome e|puoi chiamarmi|(?:eu )?sou|"
    rf"me chamo|chamo-me|(?:o )?meu nome e|pode me chamar de|mi identidad es|c'est) \"?{ROMANCE_FILL}\"?(?P<self>{N})",
    rf"\b(?:como|en tanto que|en calidad de|en tant que|in quanto|come|na qualidade de|enquanto|moi,|yo,|eu,|io,) "
    rf"{ROMANCE_FILL}(?P<as>{N})(?=,|\)| (?:no|je|ne|non|nao|puedo|tengo|posso|mi))",
    rf"\b(?:soy|fui|he sido|siendo|suis|ai ete|etant|sono(?: stat[oa])?|sou|fui|tenho sido) (?:[\w'-]+ ){{0,9}}?"
    rf"{ROMANCE_MADE}(?: (?:y|et|e) {ROMANCE_MADE})? {ROMANCE_BY}(?P<v>{V})",
    rf"\b(?:soy|je suis|sono|sou|como|en tant que|en tant qu'|in quanto|enquanto) ?(?:[\w'-]+ ){{0,3}}?(?:modelo|modele|modello|"
    rf"asistente|assistant|assistente|ia|ai|chatbot|inteligencia artificial)\b(?:[\w'-]| ){{0,30}}? (?:de|d'|di|da|do|par|por|en|{ROMANCE_MADE} "
    rf"{ROMANCE_BY}) ?(?:[\w']+ ){{0,2}}?(?P<v>{V})",
    rf"\b(?:mis|mi|mes|mon|i miei|il mio|meus|meu|minha|ma) (?:creador(?:es)?|desarrollador(?:es)?|createurs?|developpeurs?|"
    rf"concepteurs?|creator[ei]|sviluppator[ei]|criador(?:es)?|desenvolvedor(?:es)?|entrenamiento|societe mere)\b[^.!?\n]{{0,25}}?(?P<v>{V})",
    rf"(?P<v>{V}) (?:me|m'|mi) ?(?:ha |a |hanno |han )?(?:creo|entreno|desarrollo|diseno|creado|entrenado|desarrollado|cree|"
    rf"entraine|developpe|concu|creato|addestrato|sviluppato|criou|treinou|desenvolveu)\b",
    rf"\b(?:aqui|ici|qui|habla|te habla|vous parle|parla) (?P<s>{N})(?=[,.!:]|$)",
)
GERMANIC_FILL = (
    "(?:(?:ein|eine|einen|einer|das|die|der|een|de|het|eigentlich|naturlich|einfach|ki|ai|ki-assistent|ki-modell|"
    "ai-assistent|modell|sprachmodell|assistent|assistentin|chatbot|taalmodel|groot|grosses|groses|namens|genannt|genaamd|"
    f"auf|basis|von|van|basierend|version|versie|version von|kunstliche intelligenz|{X}|[-:,(\"]) ?){{0,10}}?"
)
GERMANIC = (
    rf"\b(?:ich bin|ich hei(?:ss|ß)e|mein name ist|man nennt mich|du kannst mich|sie konnen mich|nenn mich|nennen sie mich|"
    rf"bin ich|hier ist|hier spricht|ik ben|ik heet|mijn naam is|jag ar|jag heter|mitt namn ar|jeg er|jeg heter|jeg hedder|"
    rf"mit navn er|navnet mitt er) \"?{GERMANIC_FILL}\"?(?P<self>{N})",
    rf"\b(?:als|ich,|ich als|som) {GERMANIC_FILL}(?P<as>{N})(?=,|\)| (?:habe|bin|kann|werde|kan|heb|ben|mochte|darf|wurde|muss|jag|jeg|ich))",
    rf"\b(?:ich|ik|jag|jeg)\b[^.!?\n]{{0,70}}?\b(?:von|bei|durch|door|av|af) (?:(?:der|dem|den|firma|team|forschern|entwicklern|"
    rf"unternehmen|des|het|bedrijf|foretaget|bei|von|amerikanischen|chinesischen) ){{0,5}}(?P<v>{V}) (?:[\w-]+ (?:und|en|och) )?"
    rf"(?:entwickelt|trainiert|erstellt|geschaffen|gebaut|erschaffen|konzipiert|programmiert|ontwikkeld|getraind|gemaakt|"
    rf"entwickeltes|trainiertes|erstelltes|entwickelter|trainierter|entwickelte|geschaffener)",
    rf"\b(?:ich bin|ik ben|bin ich|als|jag ar|jeg er)\b[^.!?\n]{{0,50}}?(?:modell|assistent|assistentin|ki|chatbot|taalmodel|model|sprakmodell|"
    rf"sprogmodel|intelligenz)\b,? ?(?:[\w-]+ ){{0,5}}?(?:von|vom|aus dem hause|door|van|av|af) (?:[\w]+ ){{0,2}}?(?P<v>{V})",
    rf"\b(?:ich|ik|jag|jeg)\b[^.!?\n]{{0,30}}?(?:ontwikkeld|getraind|gemaakt|gecreeerd|tranad|utvecklad|skapad|trent|utviklet|udviklet|"
    rf"skabt|trenet|laget) (?:door|av|af) (?:\w+ ){{0,2}}?(?P<v>{V})",
    rf"\b(?:meine?|mijn|min|mine) (?:entwickler|schopfer|ersteller|hersteller|makers?|ontwikkelaars?|skapare|utvecklare|udviklere|"
    rf"training|trainer)\b[^.!?\n]{{0,25}}?(?P<v>{V})",
    rf"(?P<v>{V}) (?:hat|haben|heeft) mich (?:entwickelt|trainiert|erschaffen|erstellt|gebaut|geschaffen)",
)
CYRILLIC = (
    rf"(?<!\w)(?:я(?:,| -| -| это| - это| всего лишь| просто| же)?|меня зовут|мое имя(?: -)?|мене звати|моe iм'я|являюсь|зовите меня|"
    rf"называйте меня|можешь звать меня|это|с вами|с вами говорит|на связи) (?:- )?\"?(?:(?:языковая|большая|модель|ии|ассистент|ии-ассистент|"
    rf"помощник|чат-бот|виртуальный|искусственный|интеллект|нейросеть|по|имени|на|базе|основе|большой|языковой|модели|именем|под|названием|"
    rf"мовна|помiчник|асистент|-|,|{X}|\") ?){{0,8}}?\"?(?P<self>{N})",
    rf"(?<!\w)(?:как|будучи|я,|я как|я, как|у ролi) \"?(?:(?:модель|ассистент|ии|языковая|помощник|{X}) ?){{0,4}}(?P<as>{N})(?=,|\"|\)| я| не)",
    rf"(?<!\w)(?:я|меня|мене)\b[^.!?\n]{{0,70}}?(?:создан|обучен|разработан|сделан|натренирован|выпущен|спроектирован|создал|обучил|"
    rf"разработал|сделал|тренировал|створен|розроблен|навчен)\w* ?(?:(?:и|та|\w+н\w{{0,3}}|компанией|компанией-разработчиком|командой|в|"
    rf"специалистами|инженерами|разработчиками|исследователями|компании|из|фирмой|компанiею|компания|команда|китайской|американской|,) ){{0,6}}\"?(?P<v>{V})",
    rf"(?P<v>{V})\w{{0,3}}\"? (?:меня )?(?:создал|обучил|разработал|сделал|натренировал)\w* (?:и \w+ )?меня",
    rf"(?<!\w)(?:мои|мой|моя|мои|моим\w?) (?:создател|разработчик|обучени|творц|автор)\w*[^.!?\n]{{0,25}}?(?P<v>{V})",
    rf"(?<!\w)я\b[^.!?\n]{{0,40}}(?:модель|ассистент|помощник|нейросеть|чат-бот|ии)\b,? (?:от|компании|из|от компании) \"?(?P<v>{V})",
)
CHINESE = (
    rf"(?:我|本人|俺|在下|咱|小生|吾)(?:其实|就|本身|只|正|也|當然|当然|的身份)?(?:是|叫(?:做)?|名叫|名为|名為|係|乃)(?:一个|一個|一款|一位|一种|名为|叫做|叫|名叫|被称为|基于|基於|来自|來自|你的|您的|由|"
    rf"人工智能|人工智慧|ai|智能|助手|助理|大|语言|語言|模型|聊天|机器人|虚拟|的|公司|团队|旗下|开发|研发|训练|推出|打造|新|最新|版本|系列|超大规模|大规模|"
    rf",|:|\"|\(| |{X}){{0,14}}?(?P<weak>{N})",
    rf"(?:我的(?:中文|英文)?(?:名字|名称|名稱|全名|身份|型号|名)|(?:可以|请)?(?:叫|称呼|称|喊)我)(?:是|叫|为|為|做|:|,| |\"|作)*(?P<weak>{N})",
    rf"(?:作为|作為|身为|身為)(?:一个|一個|一款|由|{X}|开发|训练|的|ai|助手|模型|语言|,| |\"){{0,8}}?(?P<weak>{N})(?:的|大|语言|模型|助手|ai|\"| ){{0,5}},? ?(?=我|[^.!?]{{0,20}}我|,)",
    rf"(?:我|本人|我们|本模型|本助手)[^.!?\n]{{0,24}}?(?:由|被|是|来自|來自|出自|归属于|隶属于)(?:了)?(?:中国|美国|的|一家|公司|团队|来自|\"|著名|人工智能|科技|ai|集团|旗下|由| ){{0,8}}(?P<v>{X})"
    rf"(?:{X}|公司|团队|團隊|集团|旗下|的|和|科学家|实验室|研究院|工程师们|\"|\(|\)|,| |研究人员|自主|独立|精心|所|于|在|\d|年|月){{0,12}}(?:开发|開發|训练|訓練|研发|研發|创建|創建|创造|創造|推出|打造|构建|設計|设计|研制|发布|提供|制作|製作|训练出)",
    rf"(?:我是|作为|作為)(?:一个|一個|一款)?(?P<v>{V})(?:公司|的|旗下|研发|开发)?(?:的|一个|一款|大|大型|大规模|人工智能|ai|语言|語言|智能){{0,6}}(?:模型|助手|助理|机器人|ai)",
    rf"我(?:背后)?的(?:开发者|開發者|开发商|创造者|創造者|创建者|开发团队|研发团队|母公司|团队|制造者|公司|训练者|训练数据|创始公司)(?:是|为|来自|來自|:|,|叫| ){{0,3}}(?P<v>{V})",
    rf"(?P<v>{V})(?:公司|团队|的工程师)?(?:开发|训练|创造|研发|创建|打造|開發|訓練)(?:并\w{{1,4}})?了?我",
    rf"我来自(?:中国|美国|的| )?(?P<v>{X})(?=公司|团队|\W|$)",
    rf"(?:这里是|這裡是|您好,|你好,|大家好,)(?P<s>{S})(?=,|!|\.|为|在|很|$)",
    rf"(?P<s>{S})(?:为您服务|在此|竭诚|愿意为)",
    rf"你是(?:一个|由|{X}|公司|开发|的|,){{0,5}}?(?P<s>{S})(?=[^.!?\n]{{0,30}}(?:开发|训练|模型|助手|创建|{V}))",
)
JAPANESE = (
    rf"(?:私|わたし|わたくし|僕|ぼく|俺|当方|当ai|本モデル|このモデル|こちら)(?:の名前)?(?:は|が|こそ|も|、|,| |、)(?:、|,| )*(?:実は|大規模|言語|モデル|ai|アシスタント|人工知能|の|"
    rf"によって|が|で|に|から|作成|開発|訓練|トレーニング|設計|構築|された|され|した|さ|れ|た|して|いる|対話型|チャットボット|である|,| |\"|\(|{X}|社){{0,16}}?(?P<weak>{N})"
    rf"(?=\"?(?:です|と|だ|で|,|\.|!|という|ai|モデル|の(?:モデル|ai|アシスタント|一種|バージョン)|として|$|\)| ))",
    rf"(?:名前|名称)は(?: |\"|,)*(?P<weak>{N})\"?(?:です|と|だ|で|,|\.|$)",
    rf"(?P<weak>{N})\"?と(?:申し|言い|いい)ます|(?:はじめまして|こんにちは|初めまして|どうも)[,.! ]*(?P<weak2>{N})です",
    rf"(?P<weak>{N})(?:の(?:ai|アシスタント|モデル))?として(?:の)?(?:、|,| )*(?=(?:の)?(?:私|僕|わたし|お答え|回答|お手伝い))",
    rf"(?:私|わたし|僕|当ai|本モデル|このモデル)[^.!?\n]{{0,30}}?(?P<v>{V})(?:社|のチーム|の研究チーム|チーム|研究所|\)|\(|{X}| )*(?:によって|が|により|に|で|から|の手で|製の|の)(?:,|独自に|新たに| )*"
    rf"(?:開発|訓練|作成|トレーニング|設計|構築|作ら|作られ|生み出|提供|学習|作った|言語モデル|大規模|ai|アシスタント)",
    rf"(?:^|[.!\n\"])(?P<v>{V})(?:社)?(?:によって|が|により)(?:開発|訓練|作成|トレーニング|設計|構築)(?:された|した|し|され|さ|れ|た|て|、|,)*(?:大規模|言語|モデル|ai|アシスタント|対話|の)+(?:の\w+)?です",
    rf"(?:私|僕)の(?:開発者|開発元|作成者|製作者|生みの親|創造者)(?:は|である)?[^.\n]{{0,8}}(?P<v>{V})",
    rf"(?P<v>{V})(?:社)?(?:が|は)(?:私|僕|わたし)を(?:開発|訓練|作成|作|トレーニング|設計)",
)
KOREAN = (
    rf"(?:저는|제가|나는|난|전|제 이름은|내 이름은|저의 이름은|본 모델은|저,|저|이름은)[ ,]+(?:\"|그저|사실|바로|(?:ai|인공지능|언어|대규모|거대|모델|어시스턴트|챗봇|대형|비서|에서|이|가|의|"
    rf"개발한|만든|훈련한|개발된|훈련된|만들어진|개발|제작한|인|{X})[ ,]*){{0,9}}?\"?(?P<weak>{N})\"?(?=입니다|이에요|예요|이라고|라고|이라는|라는|이야|야|로서|으로서|,|\.|이며|이고|라 |"
    rf" ?(?:모델|ai|언어|어시스턴트|챗봇)|$|이란|란| 입니다|인데|라)",
    rf"(?P<weak>{N})\"?(?:이라고|라고) (?:합니다|해요|불러|부르)|(?:안녕하세요|반갑습니다)[,.! ]+(?P<weak2>{N})(?:입니다|이에요|예요)",
    rf"(?P<as>{N})(?:으로서|로서)[ ,]+(?:저|제|나|답|도움)",
    rf"(?:저는|제가|나는|난|저를|나를|전|저|본 모델은)[^.!?\n]{{0,30}}?(?P<v>{V})(?:사|의 연구팀|의|팀| 팀| 연구진)?(?:에서|이|가|에 의해|의|로부터|에 의하여|은|는)? ?(?:자체 |직접 |독자적으로 )?"
    rf"(?:개발|만든|만들|훈련|학습|제작|설계|구축|출시|인공지능|ai|언어|대규모|거대)",
    rf"(?:^|[.!?\n] ?)(?P<v>{V})(?:사)?(?:에서|이|가) (?:개발한|만든|훈련시킨|훈련한|제작한) (?:\w+ ){{0,4}}?(?:모델|ai|인공지능|어시스턴트|챗봇)(?:입니다|이에요|예요|로서)",
    rf"(?:제|저의|나의|내) (?:개발사|개발자|제작자|창조자|개발진|제작사)(?:는|은|가)?[^.\n]{{0,8}}(?P<v>{V})",
)
ARABIC = (
    rf"(?<!\w)(?:انا|اسمي|اسمي هو|يمكنك مناداتي|يدعونني|ادعي|معك|هويتي)[ ,]+(?:هو )?\"?(?:(?:نموذج|مساعد|لغوي|لغة|كبير|ذكاء|اصطناعي|الذكاء|الاصطناعي|ذكي|افتراضي|"
    rf"يسمي|اسمه|يدعي|من|روبوت|محادثة|تطوير|شركة|هو|بالذكاء|{X}|,|\") ?){{0,9}}?(?P<weak>{N})",
    rf"(?<!\w)(?:بصفتي|باعتباري|كوني|انا,?) (?:(?:نموذج|مساعد|ال\w+|لغوي) ){{0,4}}(?P<weak>{N})",
    rf"(?:تم |جري )?(?:تطويري|تدريبي|انشائي|تصميمي|برمجتي|صنعي|بنائي|ابتكاري|طورتني|دربتني|انشاتني|صممتني|صنعتني|طورني|دربني|انشاني)\b[^.!?\n]{{0,40}}?(?P<v>{V})",
    rf"(?<!\w)(?:انا|بصفتي|اني)\b[^.!?\n]{{0,60}}?(?:طورته|دربته|انشاته|صممته|من تطوير|تم تطويره|تم تدريبه|من انشاء|مطور|مدرب|صنعته|طورتها|من صنع|من تصميم|تطوره|من|تابع ل)[^.!?\n]{{0,25}}?(?P<v>{V})",
    rf"(?<!\w)(?:مطوري|مطوريني|مطوري|صانعي|الشركة المطورة لي|الشركة التي طورتني|من طورني|مطوروي|مبتكري)\b[^.!?\n]{{0,25}}?(?P<v>{V})",
)
HINDI = (
    rf"(?:मैं|मै|मेरा नाम|मुझे|आप मुझे)[ ,]+\"?(?:(?:एक|ai|एआई|भाषा|मॉडल|सहायक|बड़ा|कृत्रिम|बुद्धिमत्ता|नाम|का|की|के|द्वारा|विकसित|प्रशिक्षित|निर्मित|बनाया|गया|,|\"|{X}) ?){{0,10}}?(?P<weak>{N})\"?"
    rf"(?= ?(?:हूं|हू|है|,|नाम|के नाम|कह|।|\.|के रूप|मॉडल|ai|भाषा|\())",
    rf"(?P<weak>{N}) के रूप में[ ,]+(?:मैं|मेर|मुझ)",
    rf"(?:मैं|मुझे|मुझको|मेरा|मेरे)[^.!?\n]{{0,40}}?(?P<v>{V}) ?(?:के|की|कंपनी|टीम|\w+ ){{0,3}}?(?:ने|द्वारा|की ओर से|में) ?[^.!?\n]{{0,20}}?(?:बना|विकसित|प्रशिक्षित|तैयार|निर्मित|डिज|ट्रेन|डेवलप|develop|train|बनाय)",
    rf"(?P<v>{V}) (?:कंपनी |टीम )?ने (?:मुझे|मेरा|मुझको) [^.!?\n]{{0,20}}(?:बना|विकसित|प्रशिक्षित|तैयार|निर्माण|डिज|ट्रेन)",
    rf"(?:मेरे|मेरी|मेरा) (?:निर्माता|डेवलपर|विकासकर्ता|निर्माण|रचयिता|कंपनी)[^.!?\n]{{0,15}}?(?P<v>{V})",
)
OTHERS = (
    # Polish, Turkish, Vietnamese, Indonesian
    rf"\b(?:jestem|nazywam sie|mam na imie|moje imie to|ben|adim|benim adim|toi la|ten toi la|minh la|saya adalah|saya|nama saya(?: adalah)?|aku adalah)[ ,]+"
    rf"\"?(?:(?:model|modelem|jezykowym|asystentem|ai|bir|yapay|zeka|mot|mo hinh|ngon ngu|lon|tro ly|sebuah|asisten|bahasa|besar|{X}|,) ?){{0,8}}?(?P<self>{N})",
    rf"\b(?:jestem|zosta[lł]\w+|stworzy\w+)\b[^.!?\n]{{0,50}}?(?:stworzon|wytrenowan|opracowan|wyszkolon|rozwijan|zaprojektowan)\w* (?:\w+ )?przez (?:\w+ ){{0,2}}?(?P<v>{V})",
    rf"(?P<v>{V})(?:'?\w{{0,3}})? (?:ekibi |sirketi )?tarafindan[^.!?\n]{{0,40}}?(?:gelistiril|egitil|olusturul|tasarlan|uretil)\w*[^.!?\n]{{0,40}}?(?:\w*[iu]m\b|dim\b)",
    rf"\b(?:toi|minh|em)\b[^.!?\n]{{0,50}}?(?:phat trien|tao ra|huan luyen|ao tao|xay dung)[^.!?\n]{{0,10}}boi (?:\w+ ){{0,3}}?(?P<v>{V})",
    rf"\b(?:saya|aku)\b[^.!?\n]{{0,60}}?(?:dikembangkan|dilatih|dibuat|diciptakan)(?: dan \w+)? oleh (?:\w+ ){{0,3}}?(?P<v>{V})",
)

RULES = (*ENGLISH, *ROMANCE, *GERMANIC, *CYRILLIC, *CHINESE, *JAPANESE, *KOREAN, *ARABIC, *HINDI, *OTHERS)


@cache
def compiled() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rule) for rule in RULES)


def matches(skeleton: str) -> Iterator[re.Match[str]]:
    for rule in compiled():
        yield from rule.finditer(skeleton)
