"""Which AWS calls a function can make, read from its source: every path, whether a test walks it or not.

A small points-to analysis. Types come from annotations, constructors and `client("service")`; a method of a
port leads to the adapters that are constructed on the way. Containers count as what they contain.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("workflow", "lambdas", "review_app")
DYNAMIC = "rekognition"  # Its adapter passes the operation's name on, as a constant, to a method of its own.
WRAPPED = {"SSMProvider": "ssm"}  # A client of Powertools, whose `get` reads one parameter.
Types = frozenset[str]
NOTHING: Types = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a service: the operation, and for DynamoDB the class and field that name the table."""

    service: str
    operation: str
    holder: str = ""
    table: str = ""


@dataclass
class Module:
    """What stands at the top of one module."""

    name: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    classes: dict[str, "Class"] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


@dataclass
class Class:
    """A class with its methods, its annotated fields and its bases."""

    name: str
    module: Module
    methods: dict[str, ast.FunctionDef]
    fields: dict[str, ast.expr]
    bases: list[ast.expr]

    @property
    def qualified(self) -> str:
        return f"{self.module.name}.{self.name}"

    @property
    def is_port(self) -> bool:
        return any(ast.unparse(base).endswith("Protocol") for base in self.bases)


@cache
def modules() -> dict[str, Module]:
    """Every module of the rooms that run on AWS."""
    found = {}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = _module(name, ast.parse(file.read_text(encoding="utf-8")))
    return found


def _module(name: str, tree: ast.Module) -> Module:
    module = Module(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            module.imports.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            pairs = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            module.imports.update(pairs)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            module.functions[node.name] = node  # type: ignore[assignment]
        elif isinstance(node, ast.ClassDef):
            methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
            fields = {
                one.target.id: one.annotation
                for one in node.body
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
            }
            module.classes[node.name] = Class(node.name, module, methods, fields, node.bases)
    return module


@dataclass
class Walk:
    """What can be reached from some functions, and the calls on the way."""

    modules: dict[str, Module]
    calls: set[Call] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    env: dict[str, Types] = field(default_factory=dict)

    def of(self, module: str, function: str) -> set[Call]:
        """The calls that one function can make; repeated until no more adapters come to light."""
        before = -1
        while before != len(self.made):
            before = len(self.made)
            self.seen.clear()
            self._enter(self.modules[module].functions[function], self.modules[module], None)
        return self.calls

    def everything(self, room: str) -> set[Call]:
        """The calls that any function or method of a room can make."""
        before = -1
        while before != len(self.made):
            before = len(self.made)
            self.seen.clear()
            for name, module in self.modules.items():
                if name.split(".")[0] == room:
                    for function in module.functions.values():
                        self._enter(function, module, None)
                    for owner in module.classes.values():
                        for method in owner.methods.values():
                            self._enter(method, module, owner)
        return self.calls

    def _enter(self, node: ast.FunctionDef, module: Module, owner: Class | None) -> None:
        key = (module.name + (f".{owner.name}" if owner else ""), node.name)
        if key in self.seen:
            return
        self.seen.add(key)
        saved, self.env = self.env, self._parameters(node, module, owner)
        scope = _Scope(self, module, owner)
        for _ in range(2):  # Names may be used, in closures, before they are bound.
            scope.bind(node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                scope.call(inner)
            elif isinstance(inner, ast.Attribute):
                scope.read(inner)
            elif isinstance(inner, ast.Dict):
                scope.item(inner)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                self.words.add(inner.value)
        self.env = saved

    def _parameters(self, node: ast.FunctionDef, module: Module, owner: Class | None) -> dict[str, Types]:
        env: dict[str, Types] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.arg) and inner.annotation is not None:
                env[inner.arg] = env.get(inner.arg, NOTHING) | self.named(inner.annotation, module)
        if owner and node.args.args:
            env[node.args.args[0].arg] = frozenset({owner.qualified})
        return env

    def named(self, annotation: ast.expr, module: Module) -> Types:
        """The classes of ours that an annotation names, at any depth."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        found = set()
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name | ast.Attribute):
                known = self.find_class(ast.unparse(node), module)
                if known:
                    found.add(known.qualified)
        return frozenset(found)

    def find_class(self, text: str, module: Module) -> Class | None:
        """The class that a name means in a module."""
        if text in module.classes:
            return module.classes[text]
        head, _, rest = text.partition(".")
        full = module.imports.get(head, "") + (f".{rest}" if rest else "")
        return self.class_of(full)

    def class_of(self, qualified: str) -> Class | None:
        home, _, name = qualified.rpartition(".")
        return self.modules[home].classes.get(name) if home in self.modules else None

    def find_function(self, text: str, module: Module) -> tuple[ast.FunctionDef, Module] | None:
        """The function at the top of some module that a name means here."""
        if text in module.functions:
            return module.functions[text], module
        head, _, rest = text.partition(".")
        full = module.imports.get(head, "") + (f".{rest}" if rest else "")
        home, _, name = full.rpartition(".")
        there = self.modules.get(home)
        return (there.functions[name], there) if there and name in there.functions else None

    def methods(self, qualified: str, name: str) -> Iterator[tuple[ast.FunctionDef, Class]]:
        """What runs when this method of this type is called: a port's is that of its adapters."""
        owner = self.class_of(qualified)
        if owner is None:
            return
        if owner.is_port:
            wanted = self._all_methods(owner)
            for made in [self.class_of(one) for one in sorted(self.made)]:
                if made and not made.is_port and wanted <= self._all_methods(made):
                    yield from self.methods(made.qualified, name)
        elif name in owner.methods:
            yield owner.methods[name], owner
        else:
            for base in self._bases(owner):
                yield from self.methods(base.qualified, name)

    def _all_methods(self, owner: Class) -> set[str]:
        own = {name for name in owner.methods if not name.startswith("__")}
        return own.union(*(self._all_methods(base) for base in self._bases(owner)))

    def _bases(self, owner: Class) -> list[Class]:
        found = [self.find_class(ast.unparse(base), owner.module) for base in owner.bases]
        return [base for base in found if base]

    def field(self, qualified: str, name: str) -> Types:
        """The types of a field, as it is annotated or assigned in `__init__`; of a property, its answer."""
        owner = self.class_of(qualified)
        if owner is None:
            return NOTHING
        found = self.named(owner.fields[name], owner.module) if name in owner.fields else NOTHING
        if name in owner.methods and owner.methods[name].returns is not None:
            found |= self.named(owner.methods[name].returns, owner.module)  # type: ignore[arg-type]
        begin = owner.methods.get("__init__")
        if begin:
            saved, self.env = self.env, self._parameters(begin, owner.module, owner)
            found |= _Scope(self, owner.module, owner).assigned(begin, name)
            self.env = saved
        for base in self._bases(owner):
            found |= self.field(base.qualified, name)
        return found


@dataclass
class _Scope:
    """One function's body: what its expressions may be, where its calls lead."""

    walk: Walk
    module: Module
    owner: Class | None

    def bind(self, node: ast.FunctionDef) -> None:
        """Note what names may stand for, in whatever order they are bound."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    self._bind(target, inner.value)
            elif isinstance(inner, ast.AnnAssign | ast.NamedExpr) and inner.value is not None:
                self._bind(inner.target, inner.value)
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                    self.walk.env[inner.target.id] |= self.walk.named(inner.annotation, self.module)
            elif isinstance(inner, ast.For | ast.comprehension):
                self._bind(inner.target, inner.iter)
            elif isinstance(inner, ast.withitem) and inner.optional_vars is not None:
                self._bind(inner.optional_vars, inner.context_expr)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.walk.env[target.id] = self.walk.env.get(target.id, NOTHING) | self.types(value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value] * len(target.elts)
            for one, part in zip(target.elts, parts, strict=False):
                self._bind(one, part)

    def assigned(self, begin: ast.FunctionDef, name: str) -> Types:
        """What `self.<name>` is given in `__init__`."""
        found = NOTHING
        for inner in ast.walk(begin):
            if isinstance(inner, ast.Assign):
                for target, value in _pairs(inner.targets[0], inner.value):
                    if isinstance(target, ast.Attribute) and target.attr == name:
                        found |= self.types(value)
        return found

    def types(self, node: ast.expr | None) -> Types:
        """What an expression may be."""
        match node:
            case ast.Name(id=name):
                return self.walk.env.get(name, NOTHING)
            case ast.Attribute(value=value, attr=name):
                return _union(self.walk.field(one, name) for one in self.types(value))
            case ast.Call():
                return self._answer(node)
            case ast.BoolOp(values=values):
                return _union(map(self.types, values))
            case ast.IfExp(body=body, orelse=other):
                return self.types(body) | self.types(other)
            case ast.Subscript(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.types(value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return _union(map(self.types, parts))
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
                return self.types(element)
        return NOTHING

    def _answer(self, node: ast.Call) -> Types:
        text = ast.unparse(node.func)
        if text in ("client", "clients.client") and isinstance(node.args[0], ast.Constant):
            return frozenset({f"boto:{node.args[0].value}"})
        if text in WRAPPED:
            return frozenset({f"boto:{WRAPPED[text]}"})
        made = self.walk.find_class(text, self.module)
        if made:
            return frozenset({made.qualified})
        function = self.walk.find_function(text, self.module)
        if function:
            returns = function[0].returns
            return self.walk.named(returns, function[1]) if returns is not None else NOTHING
        if isinstance(node.func, ast.Attribute):
            found = NOTHING
            for one in self.types(node.func.value):
                owner = self.walk.class_of(one)
                method = owner.methods.get(node.func.attr) if owner else None
                if owner and method is not None and method.returns is not None:
                    found |= self.walk.named(method.returns, owner.module)
            return found or _union(map(self.types, node.args))
        return _union(map(self.types, node.args))  # list(), sorted(), islice(): of what they are given.

    def call(self, node: ast.Call) -> None:
        """Note a call of a service, or go where the call leads."""
        text = ast.unparse(node.func)
        made = self.walk.find_class(text, self.module)
        if made and not made.is_port:
            self.walk.made.add(made.qualified)
            for begin in ("__init__", "__post_init__"):
                if begin in made.methods:
                    self.walk._enter(made.methods[begin], made.module, made)
        function = self.walk.find_function(text, self.module)
        if function:
            self.walk._enter(function[0], function[1], None)
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)

    def _method(self, node: ast.Call, function: ast.Attribute) -> None:
        for one in self.types(function.value):
            if one.startswith("boto:"):
                self._service(node, function.attr, one.removeprefix("boto:"))
            for method, owner in self.walk.methods(one, function.attr):
                self.walk._enter(method, owner.module, owner)
        paged = function.value
        if (
            function.attr == "paginate"
            and isinstance(paged, ast.Call)
            and isinstance(paged.func, ast.Attribute)
        ):
            for one in self.types(paged.func.value):
                [operation] = [arg.value for arg in paged.args if isinstance(arg, ast.Constant)]
                self._service(node, str(operation), one.removeprefix("boto:"))
        if self.owner and f"boto:{DYNAMIC}" in self.walk.field(self.owner.qualified, f"_{DYNAMIC}"):
            named = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            if named and isinstance(named[0], str) and ast.unparse(function.value) == "self":
                self.walk.calls.add(Call(DYNAMIC, named[0]))

    def _service(self, node: ast.Call, operation: str, service: str) -> None:
        if operation in ("get_paginator", "get_waiter", "exceptions", "transact_write_items"):
            return  # Pages are noted where they are asked for; parts of a transaction where they are made.
        told = {key.arg: key.value for key in node.keywords}
        table, index = told.get("TableName"), operation == "query" and ("IndexName" in told or None in told)
        if isinstance(told.get("RequestItems"), ast.Dict):
            [table] = told["RequestItems"].keys  # type: ignore[attr-defined]
        if service != "dynamodb":
            if (service, operation) == ("ssm", "get"):
                operation = "get_parameter"
            version = "_version" if service == "s3" and "VersionId" in told else ""
            self.walk.calls.add(Call(service, operation + version))
        elif table is not None:
            self.walk.calls.add(self._table_call(operation + ("_index" if index else ""), table))

    def item(self, node: ast.Dict) -> None:
        """A dictionary that names a table is an item of a transaction, or the arguments of one call."""
        keys = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        if "TableName" in keys:
            kind = (
                "update_item"
                if "UpdateExpression" in keys
                else "put_item"
                if "Item" in keys
                else "condition_check_item"
            )
            self.walk.calls.add(self._table_call(kind, keys["TableName"]))

    def _table_call(self, operation: str, table: ast.expr) -> Call:
        holder = self.owner.name if self.owner else self.module.name
        return Call("dynamodb", operation, holder, ast.unparse(table))

    def read(self, node: ast.Attribute) -> None:
        """Reading a property runs it; a method that is handed on will be called."""
        for one in self.types(node.value):
            for method, owner in self.walk.methods(one, node.attr):
                self.walk._enter(method, owner.module, owner)


def _pairs(target: ast.expr, value: ast.expr) -> Iterable[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return zip(target.elts, value.elts, strict=True)
    return [(target, value)]


def _union(parts: Iterable[Types]) -> Types:
    return frozenset().union(*parts)
