// The pages of battles and problems: all that draws Markdown and formulas, in one file that is fetched once.
// Panes are defined first: the stream reads them when it starts.

import "../elements/response-pane.js";
import "../elements/turn-tabs.js";
import "../elements/battle-stream.js";
import "../elements/ballot-form.js";
import "../elements/copy-link.js";
import "../elements/prose-text.js";
