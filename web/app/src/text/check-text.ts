import { addEnglish } from "./languages";
import check from "./en.json?check";

// Whoever imports this says what is said at `/check` only.
addEnglish(check);
