"""Names that language models and their makers are known by, whether or not they are in the catalogue. No Django here.

A name is ambiguous where people, things or other companies bear it too: "I am Claude Monet", "made by Google".
"""

from enum import IntEnum


class Kind(IntEnum):
    """What a name stands for, and how sure that is."""

    MODEL = 0  # nothing else is called so: ChatGPT, Qwen
    MAYBE_MODEL = 1  # Claude, Gemini, Llama
    MAKER = 2  # known for its language models: OpenAI, Anthropic
    MAYBE_MAKER = 3  # makes everything: Google, Microsoft
    BOTH = 4  # a maker that gives its models its own name: DeepSeek
    MAYBE_BOTH = 5  # Mistral


# Separated by "|"; a space may also be a hyphen, a dot, an underscore or nothing in the text.
MODELS = (
    "chatgpt|chat gpt|gpt|davinci 003|openai o1|openai o3|codex davinci|gpt oss|qwen|qwq|qvq|tongyi qianwen|tongyi|"
    "qianwen|codeqwen|marco o1|chatglm|glm 4|glm|internlm|intern s1|baichuan|hunyuan|doubao|skylark lm|ernie bot|"
    "wenxin yiyan|wenxin|yiyan|xinghuo|sparkdesk|abab|minicpm|yi lightning|codellama|code llama|tinyllama|openllama|"
    "llama chat|alpaca lora|vicuna|wizardlm|openhermes|nous hermes|dolphin mixtral|mixtral|codestral|ministral|pixtral|"
    "magistral|devstral|zephyr beta|starcoder|starling lm|smollm|smolvlm|olmo|tulu|pythia eleuther|gpt neox|gpt j|"
    "bloomz|falcon llm|exaone|jamba|jurassic 2|dbrx|nemotron|arctic instruct|granite code|phi mini|deepseek r1|"
    "deepseek v3|deepseek coder|palm 2|lamda|codegemma|recurrentgemma|paligemma|command r|command a|c4ai|aya expanse|"
    "hyperclova|hyperclova x|gigachat|yandexgpt|rugpt|sonar reasoning|grok ai|kimi k2|kimi k1|step 2|solar 10 7b|"
    "solar pro|stablelm|rwkv|xgen|persimmon|reka core|reka flash|claude ai|google gemini|google bard|microsoft copilot|"
    "github copilot|bing chat|meta llama|amazon nova|claude sonnet|claude opus|claude haiku|claude instant|"
    "通义千问|通義千問|通义|千问|文心一言|豆包|智谱清言|混元|讯飞星火|星火认知|书生浦语|百川大模型|"
    "чатгпт|чат гпт|гигачат|яндексгпт|квен|дипсик|дипсиик|챗지피티|챗gpt|큐원|딥시크|하이퍼클로바|"
    "チャットgpt|チャットジーピーティー|شات جي بي تي|تشات جي بي تي|كوين|ديب سيك|ديبسيك|चैटजीपीटी|चैट जीपीटी|क्वेन|डीपसीक"
)
MAYBE_MODELS = (
    "claude|gemini|gemma|llama|llama ai|grok|kimi|ernie|bard|copilot|phi|nova|titan|falcon|command|granite|solar|sonar|"
    "yi|o1|o3|o4|hermes|orca|bloom|palm|zephyr|arctic|aya|spark|marco|luminous|pi ai|alpaca|guanaco|dolphin|athene|"
    "klod|клод|джемини|гемини|грок|лама|ллама|алиса|кими|클로드|제미나이|제미니|라마|그록|クロード|ジェミニ|ラマ|グロック|"
    "كلود|جيميناي|جيميني|لاما|غروك|क्लाउड|क्लॉड|जेमिनी|लामा|ग्रोक|克劳德|克勞德|双子座|羊驼"
)
MAKERS = (
    "openai|open ai|anthropic|deepmind|google deepmind|alibaba cloud|alibaba damo|tongyi lab|qwen team|moonshot ai|"
    "zhipu ai|zhipu|zhipuai|z ai|bigmodel|xai|x ai|mistral ai|meta ai|fair meta|google ai|google brain|"
    "microsoft research|microsoft ai|hugging face|huggingface|hugging face h4|eleutherai|allen institute for ai|ai2|"
    "cohere for ai|ai21|ai21 labs|01 ai|stepfun|baichuan ai|minimax ai|inflection ai|stability ai|nous research|"
    "together ai|perplexity ai|reka ai|shanghai ai laboratory|shanghai ai lab|technology innovation institute|tii|"
    "lg ai research|upstage ai|aleph alpha|adept ai|mosaicml|sber ai|nexusflow|marcopolo|thinking machines|"
    "智谱ai|智谱|智譜|月之暗面|阿里云|阿里巴巴|达摩院|字节跳动|零一万物|百川智能|"
    "科大讯飞|商汤|阶跃星辰|上海人工智能实验室|"
    "опенаи|оупенэйай|антропик|антропика|"
    "오픈ai|오픈에이아이|알리바바 클라우드|앤트로픽|앤스로픽|"
    "オープンai|オープンエーアイ|アリババクラウド|アンソロピック|"
    "أوبن إيه آي|اوبن اي اي|أنثروبيك|انثروبيك|ओपनएआई|ओपन एआई|एंथ्रोपिक|एन्थ्रोपिक"
)
MAYBE_MAKERS = (
    "google|meta|facebook|microsoft|amazon|aws|apple|ibm|nvidia|alibaba|alibaba group|tencent|baidu|bytedance|huawei|"
    "samsung|lg|upstage|databricks|snowflake|salesforce|moonshot|cohere|iflytek|sensetime|yandex|sber|naver|kakao|"
    "oracle|intel|xiaomi|inflection|adept|groq|cerebras|谷歌|微软|微軟|腾讯|騰訊|百度|华为|華為|脸书|元宇宙公司|小米|"
    "гугл|гугла|яндекс|яндекса|сбер|сбера|сбербанк|майкрософт|алибаба|мета|구글|메타|마이크로소프트|알리바바|네이버|카카오|"
    "グーグル|メタ|マイクロソフト|アリババ|جوجل|غوغل|قوقل|مايكروسوفت|ميتا|علي بابا|गूगल|मेटा|माइक्रोसॉफ्ट|अलीबाबा"
)
BOTH = "deepseek|deep seek|深度求索|深度搜索ai"
MAYBE_BOTH = "mistral|cohere|minimax|perplexity|reka|inflection pi|мистраль|미스트랄|ミストラル|ميسترال|मिस्ट्रल"

KNOWN = {
    Kind.MODEL: MODELS,
    Kind.MAYBE_MODEL: MAYBE_MODELS,
    Kind.MAKER: MAKERS,
    Kind.MAYBE_MAKER: MAYBE_MAKERS,
    Kind.BOTH: BOTH,
    Kind.MAYBE_BOTH: MAYBE_BOTH,
}

# Whoever writes without capitals writes these so too; all others are looked for with a capital letter only. So most
# small words are no beginning of a name.
WRITTEN_SMALL = (
    "chatgpt|chat gpt|gpt|openai|open ai|anthropic|claude|gemini|gemma|llama|qwen|qwq|deepseek|deep seek|mistral|"
    "mixtral|grok|kimi|google|microsoft|meta|alibaba|alibaba cloud|o1|o3|o4|openai o1|openai o3|phi|copilot|deepmind|"
    "google deepmind|hugging face|huggingface|smollm|codellama|tinyllama|moonshot ai|xai|marco o1|yi lightning"
)
# Of those these are ordinary words, or parts of formulas, unless the whole sentence does without capitals.
ORDINARY_WORDS = "gemini|gemma|llama|grok|mistral|meta|phi|copilot"

# What follows a model's name and belongs to it. With it, no name is ambiguous: "Llama 3", "Gemini Pro".
VARIANTS = (
    "sonnet|haiku|opus|instant|pro|ultra|nano|flash|turbo|mini|preview|instruct|chat|coder|code|max|plus|"
    "large|medium|small|lite|micro|premier|base|it|thinking|reasoner|distill|vision|omni|next|math|vl|audio|latest|"
    "advanced|maverick|scout|nemo|r\\+|bot|ai"
)
# What follows a maker's name and belongs to it.
DIVISIONS = "ai|cloud|research|deepmind|labs?|inc|corp|corporation|company|group|team|llc|ltd|corporation|platforms"
