// The admin's own pages for operators: what a worker does is followed, what comes late is put in.
import "../elements/follow-page.js";
import "../elements/late-part.js";
