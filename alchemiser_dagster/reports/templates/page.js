// Draws the figures, in the theme of the system or of the button, and in the light on paper.
(() => {
  "use strict";
  const root = document.documentElement;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const templates = read("templates");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const touched = window.matchMedia("(pointer: coarse)").matches;

  const remembered = () => {
    try { return localStorage.getItem("tearsheet-theme"); } catch { return null; }
  };
  const remember = (theme) => {
    // A page opened from a file may have nowhere to remember it.
    try { localStorage.setItem("tearsheet-theme", theme); } catch { /* until it is closed */ }
  };
  let chosen = remembered();
  const theme = () => chosen ?? (system.matches ? "dark" : "light");

  const draw = async (figure) => {
    const layout = { ...figure.layout, template: templates[theme()] };
    if (touched) layout.dragmode = false; // a finger scrolls the page
    await Plotly.newPlot(figure.id, figure.data, layout, {
      responsive: true,
      displayModeBar: false,
    });
  };
  const repaint = (name) => Promise.all(
    figures.map((figure) => Plotly.relayout(figure.id, { template: templates[name] })),
  );

  const button = document.getElementById("theme");
  const show = () => {
    root.dataset.theme = theme();
    const next = theme() === "dark" ? "light" : "dark";
    button.textContent = next === "dark" ? "☾ Dark" : "☀ Light";
    button.setAttribute("aria-label", `Change to the ${next} theme`);
  };
  button.addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    remember(chosen);
    show();
    repaint(theme());
  });
  system.addEventListener("change", () => { show(); repaint(theme()); });
  window.addEventListener("beforeprint", () => { root.dataset.theme = "light"; repaint("light"); });
  window.addEventListener("afterprint", () => { show(); repaint(theme()); });

  show();
  button.hidden = false;
  (async () => {
    for (const figure of figures) await draw(figure);
    root.dataset.drawn = String(figures.length); // whoever waits for the page looks at this
  })();
})();
