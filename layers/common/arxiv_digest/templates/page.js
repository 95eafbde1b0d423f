// Filters, order, permalinks, keys and copying on the page of a day. Reading needs none of it.
"use strict";
(() => {
  const form = document.querySelector(".controls");
  const output = form.querySelector("output");
  const query = form.elements.q;
  const said = document.getElementById("said");
  const all = document.getElementById("all");
  const nothing = document.getElementById("nothing");
  const contents = document.querySelector(".contents");
  const keys = document.getElementById("keys");
  const byHand = document.getElementById("by-hand");
  const papers = [...document.querySelectorAll("article")];
  const parts = [...document.querySelectorAll(".part")];
  const folds = parts.filter((part) => part.matches(".fold"));
  const homes = new Map(papers.map((paper) => [paper, paper.parentNode]));
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const texts = new Map();
  let references;
  let current;
  let filtering = false;

  // Case, accents and the styled letters of mathematics make no difference to a search.
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const textOf = (paper) => {
    if (!texts.has(paper)) {
      const found = [paper.id];
      for (const part of paper.querySelectorAll("h3, .authors, .reason, .marks, .abstract p, math"))
        found.push(part.getAttribute("alttext") ?? part.textContent);
      texts.set(paper, plain(found.join("\n")));
    }
    return texts.get(paper);
  };

  const chosen = () =>
    Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));

  const isShown = (paper) =>
    !paper.hidden && !paper.closest(".part[hidden], .fold:not([open])");

  const shownInOrder = () => [...document.querySelectorAll("article")].filter(isShown);

  const scoreOf = (paper) => Number(paper.dataset.score ?? -1);
  const orderOf = (paper) => Number(paper.dataset.order);
  const titles = new Intl.Collator("en", { numeric: true });
  const titleOf = (paper) => paper.querySelector("h3").textContent;
  const orders = {
    score: (one, other) => scoreOf(other) - scoreOf(one) || orderOf(one) - orderOf(other),
    announced: (one, other) => orderOf(one) - orderOf(other),
    title: (one, other) => titles.compare(titleOf(one), titleOf(other)),
  };

  const arrange = (sort) => {
    if (all.dataset.sort === sort) return;
    all.dataset.sort = sort;
    all.hidden = !sort;
    if (contents) contents.hidden = Boolean(sort);
    const ordered = sort ? [...papers].sort(orders[sort]) : papers;
    const places = new Map();
    for (const paper of ordered) {
      const place = sort ? all : homes.get(paper);
      if (!places.has(place)) places.set(place, document.createDocumentFragment());
      places.get(place).append(paper);
    }
    for (const [place, found] of places) place.append(found);
  };

  const count = () => {
    const shown = papers.filter(isShown).length;
    output.textContent = output.dataset.form
      .replace("{shown}", numbers.format(shown))
      .replace("{total}", numbers.format(papers.length));
  };

  const apply = () => {
    const { q = "", field, category, score, sort = "" } = chosen();
    const words = plain(q).split(/\s+/).filter(Boolean);
    const wasFiltering = filtering;
    filtering = Boolean(words.length || field || category || score);
    for (const paper of papers) {
      const categories = paper.querySelector(".categories").textContent.split(" ");
      paper.hidden = Boolean(
        (field && paper.dataset.field !== field && paper.dataset.second !== field) ||
          (category && !categories.includes(category)) ||
          (score && !(scoreOf(paper) >= Number(score))) ||
          (words.length && !words.every((word) => textOf(paper).includes(word))),
      );
    }
    arrange(sort);
    for (const part of parts)
      part.hidden = Boolean(sort) || !papers.some((paper) => homes.get(paper) === part && !paper.hidden);
    if (filtering !== wasFiltering)
      for (const fold of folds) {
        if (filtering) fold.dataset.open = fold.open ? "yes" : "";
        fold.open = filtering || Boolean(fold.dataset.open);
      }
    nothing.hidden = papers.some((paper) => !paper.hidden);
    count();
  };

  // The fragment alone, because a file has no query to look it up by; "?" tells it from a permalink.
  const remember = () => {
    const state = new URLSearchParams(chosen()).toString();
    const fragment = state ? `#?${state}` : "";
    if (!state && !location.hash.startsWith("#?")) return;
    history.replaceState(null, "", fragment || location.pathname + location.search);
  };

  const change = () => {
    apply();
    remember();
  };

  const choose = (paper) => {
    current = paper;
    paper.focus({ preventScroll: true });
    paper.scrollIntoView({ block: "nearest" });
  };

  const follow = () => {
    if (location.hash.startsWith("#?")) {
      const state = new URLSearchParams(location.hash.slice(2));
      form.reset();
      for (const [name, value] of state)
        if (form.elements.namedItem(name)?.matches("input, select"))
          form.elements.namedItem(name).value = value;
      apply();
      return;
    }
    let target;
    try {
      target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return;
    }
    if (!target) return;
    if (target.closest("main") && (target.closest("[hidden]") || target.hidden)) {
      form.reset();
      apply();
    }
    const fold = target.closest(".fold");
    if (fold) fold.open = true;
    if (target.matches("article")) choose(target);
    if (target.closest("main")) target.scrollIntoView();
  };

  const copy = async (paper) => {
    references ??= JSON.parse(document.getElementById("bibtex").textContent);
    const [head, tail] = references.heads[paper.id];
    const text = (head + references.tails[tail]).replaceAll("\t", paper.id);
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = said.dataset.copied.replace("{id}", paper.id);
      said.className = "toast";
      clearTimeout(copy.timer);
      copy.timer = setTimeout(() => {
        said.textContent = "";
        said.className = "unseen";
      }, 4000);
    } catch {
      const area = byHand.querySelector("textarea");
      area.value = text;
      byHand.showModal();
      area.select();
    }
  };

  const step = (by) => {
    const shown = shownInOrder();
    const at = shown.indexOf(current);
    const next = at < 0 ? shown.find((paper) => paper.getBoundingClientRect().bottom > 0) : shown[at + by];
    if (next) choose(next);
  };

  const actions = {
    j: () => step(1),
    k: () => step(-1),
    "/": () => query.focus(),
    "?": () => keys.showModal(),
    o: () => current?.querySelector("h3 a").click(),
    a: () => {
      const abstract = current?.querySelector(".abstract");
      if (abstract) abstract.open = !abstract.open;
    },
    c: () => current && copy(current),
  };

  const keysOn = document.getElementById("keys-on");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === query) {
      event.preventDefault();
      query.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !keysOn.checked) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });

  document.addEventListener("focusin", (event) => {
    current = event.target.closest("article") ?? current;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".copy")) copy(button.closest("article"));
    if (button.matches(".keys")) keys.showModal();
    if (button.matches(".close")) button.closest("dialog").close();
  });

  const button = document.getElementById("copy-button").content;
  for (const paper of papers) {
    paper.tabIndex = -1;
    paper.querySelector(".links").append(" ", button.cloneNode(true));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", change);
  // The form is reset only after the event.
  form.addEventListener("reset", () => setTimeout(change));
  for (const fold of folds) fold.addEventListener("toggle", count);
  addEventListener("hashchange", follow);
  form.hidden = false;
  apply();
  follow();
})();
