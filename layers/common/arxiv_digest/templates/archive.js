"use strict";
(() => {
  // "#before-2026-01-22" and "#after-2026-01-22" lead to the day next to that one which has a digest.
  const rows = document.querySelectorAll("tbody[data-month] > tr[id]");
  const days = Array.from(rows, (row) => row.id.slice("before-".length));

  function stepToDay() {
    const asked = /^#(before|after)-(\d{4}-\d\d-\d\d)$/.exec(location.hash);
    if (!asked) return;
    const [, way, date] = asked;
    const next = way === "before"
      ? days.find((day) => day < date)
      : days.findLast((day) => day > date);
    if (next) location.replace(`${next}/digest.html`);
  }

  addEventListener("hashchange", stepToDay);
  stepToDay();

  const box = document.querySelector("section.search");
  if (!box) return;

  const AT_ONCE = 50;
  const input = box.querySelector("input");
  const state = box.querySelector("[role=status]");
  const list = box.querySelector("ol");
  const more = box.querySelector("button");
  const groups = document.querySelectorAll("tbody[data-month]");
  const months = Array.from(groups, (group) => group.dataset.month);
  const papers = new Map();
  const number = new Intl.NumberFormat(document.documentElement.lang);

  // Letters without case and accents, so that "gomez" finds "Gómez".
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // What each month's file calls.
  window.arxivDigestMonth = (month, fields, listed) => {
    papers.set(month, listed.map(([day, id, title, score, place, author, second]) => {
      const field = [fields[place], fields[second]].filter(Boolean).join(", ");
      const date = `${month}-${String(day).padStart(2, "0")}`;
      return { date, id, title, score, field, author, text: plain([title, id, author, field].join("\n")) };
    }));
  };

  // A script, since a page that was opened as a file may not fetch another file.
  const load = (month) => new Promise((done) => {
    if (papers.has(month)) return done();
    const script = document.createElement("script");
    script.src = `search/${month}.js`;
    script.onload = script.onerror = () => {
      script.remove();
      done();
    };
    document.head.append(script);
  });

  function shown(paper) {
    const link = document.createElement("a");
    link.href = `${paper.date}/digest.html#${encodeURIComponent(paper.id)}`;
    link.lang = "en";
    link.textContent = paper.title;
    const date = document.createElement("time");
    date.textContent = paper.date;
    const score = paper.score === null ? "" : paper.score.toFixed(1);
    const line = document.createElement("p");
    line.className = "soft";
    line.append(date, ...[score, paper.field, paper.author].filter(Boolean).map((said) => ` · ${said}`));
    const item = document.createElement("li");
    item.append(link, line);
    return item;
  }

  let turn = 0;

  // Goes through the months, the newest first, until enough was found or another search begins.
  async function search() {
    const mine = ++turn;
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    list.replaceChildren();
    state.textContent = "";
    more.hidden = true;
    if (!words.length) return;
    const unread = [];
    let found = 0;

    function tell(searched) {
      const said = box.dataset.state
        .replace("{searched}", number.format(searched))
        .replace("{months}", number.format(months.length))
        .replace("{found}", number.format(found));
      const lines = [said];
      if (unread.length) lines.push(box.dataset.unread.replace("{months}", unread.join(", ")));
      state.textContent = lines.join(" ");
    }

    for (const [place, month] of months.entries()) {
      await load(month);
      if (mine !== turn) return;
      if (!papers.has(month)) unread.push(month);
      for (const paper of papers.get(month) ?? []) {
        if (!words.every((word) => paper.text.includes(word))) continue;
        if (found && found % AT_ONCE === 0) {
          tell(place + 1);
          more.hidden = false;
          await new Promise((pressed) => { more.onclick = pressed; });
          if (mine !== turn) return;
          more.hidden = true;
        }
        found += 1;
        list.append(shown(paper));
      }
      tell(place + 1);
    }
  }

  let waiting;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  box.hidden = false;
  // A browser that comes back to the page may have kept what was typed.
  if (input.value) search();
})();
