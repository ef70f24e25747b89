import { addEnglish } from "./languages";
import call from "./en.json?call";

// Whoever imports this says what is said in a call only.
addEnglish(call);
