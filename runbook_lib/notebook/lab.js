// What a form needs of JupyterLab: the cell that it stands in comes into view when a run has stopped there, and is run
// again with all below it when the kernel asks for that. Elsewhere (no JupyterLab around it) nothing of this does anything.

function render({ model, el }) {
  const cell = () => el.closest(".jp-Cell");
  const busy = () =>
    el.closest(".jp-NotebookPanel")?.querySelector(".jp-Notebook-ExecutionIndicator:not([data-status='idle'])");

  const select = () => {
    // As a hand does it: JupyterLab selects the cell whose prompt is pressed.
    const prompt = cell()?.querySelector(".jp-InputPrompt");
    if (!prompt) return false;
    prompt.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true, button: 0 }));
    prompt.dispatchEvent(new MouseEvent("mouseup", { bubbles: true, cancelable: true, button: 0 }));
    return true;
  };

  // "Run All" ends with the last cell in view, whichever cell it stopped at: go back when it has come to rest.
  let looks = 0;
  const looking = setInterval(() => {
    looks += 1;
    if (looks > 150 || !model.get("stopped")) return clearInterval(looking);
    if (looks < 3 || busy() || !el.isConnected) return undefined;
    clearInterval(looking);
    // A hand that is in the cell already stays there.
    if (!cell()?.contains(document.activeElement) && select()) cell().scrollIntoView({ block: "start" });
    return undefined;
  }, 200);

  const told = (message) => {
    if (message.do === "answer") {
      model.set("hears", true);
      model.save_changes();
    }
    // The command is about the selected cell, so this one is selected first.
    if (message.do === "go-on" && select()) globalThis.jupyterapp?.commands.execute("notebook:run-all-below");
  };
  model.on("msg:custom", told);
  model.send({ there: true });
  return () => {
    clearInterval(looking);
    model.off("msg:custom", told);
  };
}

export default { render };
