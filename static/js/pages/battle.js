/** The page of a battle: the stream, its panes, the ballot. */

import "../elements/battle-stream.js";
import "../elements/response-pane.js";
import "../elements/turn-tabs.js";
import "../elements/ballot-form.js";
import "../elements/copy-link.js";
