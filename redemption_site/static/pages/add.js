// Sends the form of a link whose reader has just signed in from it. Without this script the button does the same.
"use strict";

const form = document.querySelector("form[data-by-itself]");
if (form) {
  form.removeAttribute("data-by-itself");
  form.requestSubmit();
}
