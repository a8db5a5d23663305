"use strict";
// All that comes from jobs is set as text, never as HTML.

const byId = (id) => document.getElementById(id);
const stages = ["download", "process", "upload", "cleanup"];
const reasons = {
  unknownFile: "unknown file", finishedJob: "job is finished", unknownJobDirectory: "unknown job",
  missingFile: "row without a file", abandonedJob: "abandoned job", foreignEntry: "foreign entry",
  endedJob: "job has ended", unknownUpload: "unknown job",
};
let overview = null;
// The text of the search and the jobs that have it: { text, jobs, hasMore }.
let wanted = null;
let found = null;

// MARK: elements

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function button(text, label, act, name) {
  const element = make("button", name, text);
  element.type = "button";
  if (label) element.setAttribute("aria-label", label);
  element.addEventListener("click", act);
  return element;
}

// Keeps the elements of items that stay, so that focus and scroll positions stay too.
function list(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = known.get(key);
    known.delete(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
}

// MARK: words

function size(bytes) {
  if (bytes === undefined || bytes === null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return (unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[unit];
}

function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + Math.floor(seconds % 3600 / 60) + " min";
  return Math.floor(seconds / 86400) + " d " + Math.floor(seconds % 86400 / 3600) + " h";
}

const since = (iso) => span((Date.now() - Date.parse(iso)) / 1000);
// 24 hours, as in the log, whatever the browser's language is.
const clock = (iso) => new Date(iso).toLocaleTimeString(undefined,
  { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const words = (step) => step.replaceAll("_", " ");
const count = (number, noun) => number + " " + noun + (number === 1 ? "" : "s");
const sum = (numbers) => numbers.reduce((total, number) => total + (number || 0), 0);

// MARK: talking to the tree

function headers(more) {
  const token = sessionStorage.getItem("token");
  return token ? { ...more, Authorization: "Bearer " + token } : more;
}

async function call(method, path, body) {
  const answer = await fetch(path, {
    method, headers: headers(body ? { "Content-Type": "application/json" } : {}),
    body: body ? JSON.stringify(body) : undefined, cache: "no-store",
  });
  const document = await answer.json().catch(() => ({}));
  if (answer.status === 401) askForToken();
  if (!answer.ok) throw new Error(document.detail || document.title || "the answer was " + answer.status);
  return document;
}

let noticeTimer;
function notice(text) {
  clearTimeout(noticeTimer);
  setText(byId("notice"), text);
  noticeTimer = setTimeout(() => setText(byId("notice"), ""), 8000);
}

// Runs an order of the user's; its button cannot be pressed again meanwhile.
async function order(element, done, method, path, body) {
  element.disabled = true;
  try {
    notice(done(await call(method, path, body)));
    return true;
  } catch (error) {
    notice("That did not work: " + error.message);
    return false;
  } finally {
    element.disabled = false;
  }
}

const pathOf = (job) => "/jobs/" + job.kind + "/" + encodeURIComponent(job.id);

// MARK: the tree

function showTop() {
  const names = { healthy: "Healthy", degraded: "Degraded", unhealthy: "Unhealthy" };
  byId("status").className = "pill " + overview.status;
  setText(byId("status"), names[overview.status]);
  setText(byId("facts"), "version " + overview.version + " · up " + since(overview.startedAt)
    + (overview.broker.connected
      ? " · broker " + (overview.broker.private ? "private" : overview.broker.address) : ""));
  const problems = byId("problems");
  problems.hidden = overview.problems.length === 0;
  problems.className = overview.status === "unhealthy" ? "" : "mild";
  list(problems, overview.problems, (text) => text, () => make("li"), setText);
}

function showTiles() {
  const depths = overview.pools.map((pool) => pool.depth);
  const isKnown = depths.some((depth) => depth !== undefined);
  const busy = sum(overview.pools.map((pool) => pool.workers.filter((worker) => worker.job).length));
  const workers = sum(overview.pools.map((pool) => pool.ready));
  setText(byId("live"), overview.jobs.length + (overview.hasMoreJobs ? "+" : ""));
  setText(byId("live-note"), busy + " of " + count(workers, "worker") + " busy");
  setText(byId("waiting"), isKnown ? String(sum(depths)) : "–");
  setText(byId("waiting-note"), isKnown ? "messages in queues" : "the broker is away");
  const files = Object.values(overview.tempFiles);
  setText(byId("temp"), size(overview.disk.tempBytes));
  setText(byId("temp-note"), count(sum(files.map((kind) => kind.totalFiles)), "file") + " of "
    + count(sum(files.map((kind) => kind.totalJobs)), "job"));
  const disk = overview.disk;
  const used = disk.usedPercent ?? 0;
  const ours = disk.totalBytes ? Math.min(used, 100 * disk.tempBytes / disk.totalBytes) : 0;
  setText(byId("disk"), disk.usedPercent === undefined ? "–" : Math.round(used) + " % used");
  const [other, own, mark] = byId("gauge").children;
  other.style.width = used - ours + "%";
  own.style.width = (ours > 0 ? Math.max(ours, 0.6) : 0) + "%";
  mark.style.left = disk.alertPercent + "%";
  byId("gauge").setAttribute("aria-label", Math.round(used) + " per cent used, alert at " + disk.alertPercent);
  setText(byId("disk-note"), size(disk.freeBytes) + " free of " + size(disk.totalBytes) + " · alert at "
    + disk.alertPercent + " %" + (disk.reservedBytes ? " · " + size(disk.reservedBytes) + " reserved" : "")
    + (disk.budgetBytes ? "" : " · no budget set"));
  const budget = byId("budget");
  budget.hidden = !disk.budgetBytes;
  if (disk.budgetBytes) {
    budget.children[0].value = 100 * disk.tempBytes / disk.budgetBytes;
    setText(budget.children[1], size(disk.tempBytes) + " of the budget of " + size(disk.budgetBytes));
  }
}

function showStages() {
  list(byId("kinds"), ["video", "image"], (kind) => kind, (kind) => {
    const element = make("div", "kind");
    element.append(make("h3", "", kind + "s"));
    for (const stage of stages) {
      const card = make("div", "card stage");
      card.dataset.pool = stage + "." + kind;
      element.append(card);
    }
    return element;
  }, (element, kind) => {
    for (const card of element.querySelectorAll(".stage")) {
      const pool = overview.pools.find((each) => each.name === card.dataset.pool);
      if (pool) showPool(card, pool, kind);
    }
  });
}

function showPool(card, pool) {
  if (!card.firstChild) {
    const head = make("div", "head");
    head.append(make("p", "name grow", pool.stage), make("p", "depth"));
    const tools = make("div", "tools");
    const scale = (change) => (event) => {
      const present = overview.pools.find((each) => each.name === pool.name);
      const workers = Math.min(64, Math.max(0, present.wanted + change));
      order(event.currentTarget, () => pool.name + " will have " + count(workers, "worker") + ".",
        "POST", "/pools/" + pool.name + "/scale", { workers });
    };
    tools.append(
      button("−", "One worker less for " + pool.name, scale(-1)), make("span", "muted"),
      button("+", "One worker more for " + pool.name, scale(1)), make("span", "grow"),
      button("Restart", "Restart the workers of " + pool.name + ", one at a time", (event) =>
        order(event.currentTarget, () => pool.name + " restarts, one worker at a time.",
          "POST", "/pools/" + pool.name + "/restart", { rolling: true })));
    card.append(head, make("div", "workers"), tools, make("p", "muted"));
  }
  const [head, workers, tools, note] = card.children;
  const depth = head.querySelector(".depth");
  setText(depth, pool.depth === undefined ? "" : pool.depth + " waiting");
  depth.classList.toggle("some", pool.depth > 0);
  head.title = pool.queue;
  list(workers, pool.workers, (worker) => worker.name, () => {
    const element = make("div", "worker");
    const line = make("p");
    line.append(make("span", "dot"), make("span", "muted task"));
    const bar = make("progress");
    bar.max = 100;
    element.append(line, bar);
    return element;
  }, (element, worker) => {
    const [state, task] = element.firstChild.children;
    state.className = "dot " + worker.state;
    setText(state, "#" + worker.name.split(".").pop() + " "
      + (worker.job && worker.state === "ready" ? "busy" : worker.state));
    setText(task, worker.job ?? "");
    task.title = worker.job ?? "";
    const bar = element.children[1];
    bar.hidden = worker.progress === undefined || !worker.job;
    bar.value = worker.progress ?? 0;
    bar.setAttribute("aria-label", "Progress of " + worker.name);
  });
  setText(tools.children[1], pool.ready + " of " + pool.wanted);
  tools.children[0].disabled = pool.wanted === 0;
  setText(note, (pool.failing ? "Workers keep dying. " : "")
    + (pool.deaths ? count(pool.deaths, "death") + (pool.lastExit ? ", last: " + pool.lastExit.cause : "") : ""));
  note.hidden = note.textContent === "";
}

// MARK: jobs

function showJobs() {
  const jobs = found ? found.jobs : [...overview.jobs, ...overview.recent];
  byId("jobs-empty").hidden = jobs.length > 0;
  setText(byId("jobs-empty"), found ? "No job has this id, media id or source. It must be all of it, letter by letter."
    : "No job is under way.");
  byId("jobs").parentElement.hidden = jobs.length === 0;
  setText(byId("jobs-note"), found
    ? (found.hasMore ? "the newest " : "") + count(jobs.length, "job") + " of “" + found.text + "”"
    : overview.hasMoreJobs ? "the newest " + overview.jobs.length : "");
  const keyOf = (job) => job.kind + "/" + job.id;
  const live = new Map(overview.jobs.map((job) => [keyOf(job), job]));
  list(byId("jobs"), jobs, keyOf, (job) => {
    const row = make("tr");
    const name = make("td");
    name.append(button(job.id, "", () => showDetail(job), "link"), make("span", "muted"));
    const bar = make("td", "bar");
    const inner = make("div");
    inner.append(make("progress"), make("span"));
    inner.firstChild.max = 100;
    bar.append(inner);
    const actions = make("td");
    actions.append(button("Cancel", "Cancel " + job.id, (event) =>
      order(event.currentTarget, () => job.id + " is being cancelled.", "DELETE", pathOf(job))));
    const cells = ["Stage", "Temp files", "Size", "Since"].map((title, index) => {
      const cell = make("td", index ? "number" : "stage-cell");
      cell.dataset.name = title;
      return cell;
    });
    row.append(name, make("td"), bar, ...cells, actions);
    return row;
  }, (row, job) => {
    const [name, step, bar, stage, files, bytes, age, actions] = row.children;
    setText(name.children[1], job.kind + (job.mediaId ? " · " + job.mediaId : ""));
    name.title = job.source ?? "";
    row.className = job.outcome ? "over " + job.outcome : "";
    setText(step, job.outcome ?? (job.cancelRequested ? "being cancelled" : words(job.step || "queued")));
    bar.querySelector("progress").value = job.progress;
    bar.querySelector("progress").setAttribute("aria-label", "Progress of " + job.id);
    setText(bar.querySelector("span"), job.progress + " %");
    setText(stage, job.outcome ? "–" : job.stage ?? "–");
    // Only the live ones come with their files.
    const known = live.get(keyOf(job));
    const temp = known?.tempFiles ?? { files: 0, sizeBytes: 0 };
    const isKnown = known !== undefined || Boolean(job.outcome);
    setText(files, isKnown ? String(temp.files) : "–");
    setText(bytes, isKnown ? size(temp.sizeBytes) : "–");
    setText(age, since(job.createdAt));
    actions.firstChild.hidden = Boolean(job.outcome);
    actions.firstChild.disabled = Boolean(job.cancelRequested) || job.stage === "cleanup";
  });
}

function showFailures() {
  const failures = overview.failures;
  byId("failures-empty").hidden = failures.length > 0;
  const dead = sum(Object.values(overview.deadLetters ?? {}));
  setText(byId("dead-note"), overview.deadLetters ? count(dead, "dead letter") : "");
  list(byId("failures"), failures, (job) => job.kind + "/" + job.id + "/" + job.finishedAt, (job) => {
    const item = make("li");
    const what = make("div", "what");
    what.append(button(job.id, "", () => showDetail(job), "link"), make("p", "muted"));
    item.append(what, make("span", "tag bad"), make("span", "muted"),
      button("Retry", "Run " + job.id + " again", (event) => order(event.currentTarget,
        (report) => report.jobs.length
          ? job.id + " runs again." : "There is no dead letter of " + job.id + " any more.",
        "POST", "/dead/redrive", { id: job.id })));
    return item;
  }, (item, job) => {
    const [what, code, age] = item.children;
    setText(what.children[1], (job.error?.stage ? "in " + job.error.stage + ": " : "")
      + (job.error?.message ?? "no reason on record"));
    setText(code, job.error?.code ?? "failed");
    setText(age, since(job.finishedAt ?? job.updatedAt) + " ago");
  });
}

// Asks for the jobs that were searched for; an answer that comes late, to an earlier question, is not shown.
async function search() {
  const text = wanted;
  if (text === null) return;
  try {
    const answer = await call("GET", "/jobs?limit=50&search=" + encodeURIComponent(text));
    if (wanted !== text) return;
    found = { text, jobs: answer.jobs, hasMore: Boolean(answer.next) };
    byId("search-end").hidden = false;
    if (overview) showJobs();
  } catch (error) {
    notice(error.message);
  }
}

function endSearch() {
  wanted = found = null;
  byId("search-text").value = "";
  byId("search-end").hidden = true;
  if (overview) showJobs();
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("search-text").value;
  if (text === "") return endSearch();
  wanted = text;
  search();
});
byId("search-end").addEventListener("click", () => {
  endSearch();
  byId("search-text").focus();
});
// The field's own cross.
byId("search-text").addEventListener("search", () => { if (byId("search-text").value === "") endSearch(); });

async function showDetail(job) {
  const lines = (id, texts) => {
    byId(id).hidden = byId(id).previousElementSibling.hidden = texts.length === 0;
    list(byId(id), texts.map((text, index) => ({ text, index })),
      (entry) => String(entry.index), () => make("li"), (item, entry) => setText(item, entry.text));
  };
  try {
    const detail = await call("GET", pathOf(job));
    setText(byId("detail-title"), detail.id);
    setText(byId("detail-state"), [detail.kind, detail.mediaId, detail.outcome ?? detail.state, detail.progress + " %",
      detail.attempts && "attempt " + detail.attempts.number + " of " + detail.attempts.limit]
      .filter(Boolean).join(" · "));
    byId("detail-source").hidden = !detail.source;
    setText(byId("detail-source"), "source " + (detail.source ?? ""));
    byId("detail-error").hidden = !detail.error;
    setText(byId("detail-error"), detail.error ? detail.error.code + ": " + detail.error.message : "");
    lines("detail-stages", detail.stages.map((stage) => stage.stage + " · "
      + (stage.seconds === undefined ? "at it since " + since(stage.startedAt) : stage.seconds.toFixed(1) + " s")
      + (stage.starts > 1 ? " · " + stage.starts + " starts" : "")));
    lines("detail-timeline", detail.timeline.map((event) => clock(event.at) + "  "
      + words(event.what.replace(/([A-Z])/g, " $1").toLowerCase()) + (event.stage ? " · " + event.stage : "")
      + (event.detail ? " · " + words(event.detail) : "")));
    lines("detail-history", detail.history.map((failure) => clock(failure.at) + "  " + failure.stage
      + " · " + failure.code + ": " + failure.message + (failure.host ? " · " + failure.host : "")));
    lines("detail-files", detail.files.map((file) => file.path + " · " + size(file.size) + " · " + file.type
      + (file.stage ? " · " + file.stage.toLowerCase() : "")));
    lines("detail-outputs", detail.outputs.map((output) => [
      output.type, output.quality, output.location ?? output.s3Key, size(output.fileSize),
    ].filter(Boolean).join(" · ")));
    if (!byId("detail").open) byId("detail").showModal();
  } catch (error) {
    notice(error.message);
  }
}

// MARK: orphans

function showOrphans(report) {
  const uploads = (report.store?.uploads ?? []).map((upload) => ({ ...upload, path: upload.key, isUpload: true }));
  const left = report.store?.leftJobs ?? [];
  const rows = report.orphans.concat(uploads);
  const removable = rows.filter((orphan) => orphan.removable).length + left.length;
  byId("orphans-empty").hidden = rows.length > 0;
  byId("clean").hidden = removable === 0;
  const total = report.orphans.length + (report.unlisted ?? 0);
  setText(byId("orphans-note"), [
    total ? count(total, "orphan") + ", " + size(report.totalBytes) : "",
    uploads.length ? count(uploads.length + (report.store.unlisted ?? 0), "open upload") : "",
    left.length ? "objects left of " + count(left.length, "job") : "",
    report.store?.problem ? "store: " + report.store.problem : "",
  ].filter(Boolean).join(" · "));
  list(byId("orphans"), rows, (orphan) => (orphan.isUpload ? "upload " : "") + orphan.path, () => {
    const item = make("li");
    const what = make("div", "what");
    what.append(make("p"), make("p", "muted"));
    item.append(what, make("span", "tag"), make("span", "muted"));
    return item;
  }, (item, orphan) => {
    const [what, reason, bytes] = item.children;
    setText(what.children[0], orphan.path);
    setText(what.children[1], (orphan.job ? "job " + orphan.job + " · " : "")
      + (orphan.ageSeconds === undefined ? "age not known" : span(orphan.ageSeconds) + " old")
      + (orphan.removable ? "" : " · only reported"));
    setText(reason, orphan.detail ?? reasons[orphan.reason] ?? orphan.reason);
    setText(bytes, orphan.isUpload ? "upload" : size(orphan.sizeBytes));
  });
}

async function look() {
  try {
    showOrphans(await call("GET", "/orphans"));
  } catch (error) {
    notice(error.message);
  }
}

byId("look").addEventListener("click", look);
byId("clean").addEventListener("click", async (event) => {
  await order(event.currentTarget, (report) => count(report.cleaned.filesCleaned, "file") + " removed, "
    + size(report.cleaned.bytesFreed) + " freed"
    + (report.cleaned.store ? "; " + count(report.cleaned.store.uploadsAborted, "upload") + " aborted, "
      + count(report.cleaned.store.objectsRemoved, "object") + " removed" : "")
    + (report.cleaned.store?.problem ? "; store: " + report.cleaned.store.problem : "")
    + (report.cleaned.failures.length ? "; " + report.cleaned.failures.length + " left." : "."),
    "POST", "/orphans/clean");
  await look();
});

// MARK: events

function show() {
  showTop();
  showTiles();
  showStages();
  showJobs();
  showFailures();
}

function lost(text) {
  byId("status").className = "pill lost";
  setText(byId("status"), text);
}

// Not EventSource, which cannot send the token.
async function listen() {
  const answer = await fetch("/events", { headers: headers({}), cache: "no-store" });
  if (answer.status === 401) askForToken();
  if (!answer.ok) throw new Error(String(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (!data) continue;
      overview = JSON.parse(data.slice(6));
      show();
      search();
    }
  }
}

async function follow() {
  let pause = 500;
  for (;;) {
    const began = Date.now();
    try { await listen(); } catch { /* Said below. */ }
    if (Date.now() - began > 10000) pause = 500;
    lost("Disconnected");
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 15000);
  }
}

function askForToken() {
  byId("unlock").hidden = false;
}

byId("unlock").addEventListener("click", () => byId("ask").showModal());
byId("ask-close").addEventListener("click", () => byId("ask").close());
byId("detail-close").addEventListener("click", () => byId("detail").close());
byId("ask-form").addEventListener("submit", () => {
  sessionStorage.setItem("token", byId("token").value);
  location.reload();
});

// Ages grow without news.
setInterval(() => { if (overview) show(); }, 10000);
follow();
look();
