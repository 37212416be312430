"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const remembered = () => { try { return localStorage.getItem("ventral-theme"); } catch { return null; } };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const named = () => { button.textContent = dark() ? "Light page" : "Dark page"; button.removeAttribute("aria-label"); };
  if (remembered()) root.dataset.theme = remembered();
  button.hidden = false;
  named();
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("ventral-theme", root.dataset.theme); } catch { /* a page from a file may keep nothing */ }
    named();
  });

  const make = (name, given) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
    return element;
  };

  for (const chart of document.querySelectorAll("figure.chart")) follow(chart);

  function follow(chart) {
    const data = JSON.parse(chart.querySelector("script").textContent);
    const plots = [...chart.querySelectorAll(".plot")];
    const rows = [...chart.querySelectorAll(".key tbody tr")];
    const at = chart.querySelector(".at"), said = chart.querySelector(".said");
    const discrete = at.textContent.includes("SOA ") && chart.id === "chart-masking";
    const low = data.x[0], span = data.x[data.x.length - 1] - low || 1;
    let place = data.place, panel = 0, chosen = -1;

    const spelled = (value) => {
      if (value === null) return "–";
      const text = (data.percent ? 100 * value : value).toFixed(1);
      return (text === "-0.0" ? "0.0" : text).replace("-", "−");
    };
    const across = (svg, x) => {
      const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
      return left + ((x - low) / span) * (right - left);
    };
    const where = () => {
      const title = plots.length > 1 ? `${data.panels[panel].title}, ` : "";
      return `${title}${discrete ? "SOA " : ""}${data.x[place]} ${data.unit}`;
    };

    function show(speak) {
      at.textContent = where();
      const curves = data.panels[panel].curves;
      rows.forEach((row, number) => {
        const curve = curves[number], cells = row.querySelectorAll("td");
        cells[0].textContent = spelled(curve.middle[place]);
        cells[1].textContent = `${spelled(curve.low[place])} to ${spelled(curve.high[place])}`;
        row.classList.toggle("chosen", number === chosen);
      });
      for (const plot of plots) mark(plot);
      if (speak) {
        const told = chosen < 0 ? curves : [curves[chosen]];
        said.textContent = `${where()}: ${told.map((curve) => `${curve.name} ${spelled(curve.middle[place])}`).join(", ")}`;
      }
    }

    function mark(plot) {
      const svg = plot.querySelector("svg"), cursor = svg.querySelector(".cursor"), x = across(svg, data.x[place]);
      const lines = svg.querySelectorAll("line.grid, line.zero"), heights = [...lines].map((line) => Number(line.getAttribute("y1")));
      const [top, bottom] = [Math.min(...heights), Math.max(...heights)];
      cursor.replaceChildren(make("line", { x1: x, x2: x, y1: top, y2: bottom }));
      svg.querySelectorAll("g.curve").forEach((group, number) => group.classList.toggle("dim", chosen >= 0 && number !== chosen));
      svg.classList.toggle("lifted", chosen >= 0);
    }

    function hide() {
      for (const plot of plots) plot.querySelector(".cursor").replaceChildren();
    }

    const choose = (number) => { chosen = number; show(false); };
    plots.forEach((plot, number) => {
      const svg = plot.querySelector("svg");
      const point = (event) => {
        const box = svg.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
        const distances = data.x.map((value) => Math.abs(across(svg, value) - x));
        place = distances.indexOf(Math.min(...distances));
        panel = number;
        show(false);
      };
      svg.addEventListener("pointermove", point);
      svg.addEventListener("pointerdown", point);
      svg.addEventListener("pointerleave", hide);
      plot.addEventListener("focus", () => { panel = number; if (plot.matches(":focus-visible")) show(true); });
      plot.addEventListener("blur", hide);
      plot.addEventListener("keydown", (event) => {
        const last = data.x.length - 1, count = rows.length;
        const moves = {
          ArrowLeft: () => { place = Math.max(0, place - 1); },
          ArrowRight: () => { place = Math.min(last, place + 1); },
          Home: () => { place = 0; },
          End: () => { place = last; },
          ArrowDown: () => { chosen = chosen + 1 >= count ? -1 : chosen + 1; },
          ArrowUp: () => { chosen = chosen < 0 ? count - 1 : chosen - 1; },
          Escape: () => { chosen = -1; },
        };
        if (!(event.key in moves)) return;
        moves[event.key]();
        panel = number;
        show(true);
        event.preventDefault();
      });
    });
    rows.forEach((row, number) => {
      row.addEventListener("pointerenter", () => choose(number));
      row.addEventListener("pointerleave", () => choose(-1));
    });
  }
})();
