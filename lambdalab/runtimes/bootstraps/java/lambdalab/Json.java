package lambdalab;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON text as maps, lists, strings, numbers, booleans and nulls, and back. Numbers stay exact. */
final class Json {
    /** Text that is no JSON. */
    static final class Malformed extends RuntimeException {
        Malformed(String message) {
            super(message);
        }
    }

    private static final int DEEPEST = 1000;
    private final String text;
    private int at = 0;
    private int depth = 0;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.space();
        if (json.at < text.length()) throw json.unexpected();
        return value;
    }

    private Object value() {
        space();
        if (at >= text.length()) throw new Malformed("Unexpected end-of-input at offset " + at);
        switch (text.charAt(at)) {
            case '{': return object();
            case '[': return list();
            case '"': return string();
            case 't': return word("true", Boolean.TRUE);
            case 'f': return word("false", Boolean.FALSE);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Map<String, Object> object() {
        Map<String, Object> found = new LinkedHashMap<>();
        enter();
        if (!next('}')) {
            do {
                space();
                if (at >= text.length() || text.charAt(at) != '"') throw unexpected();
                String name = string();
                if (!next(':')) throw unexpected();
                found.put(name, value());
            } while (next(','));
            if (!next('}')) throw unexpected();
        }
        depth--;
        return found;
    }

    private List<Object> list() {
        List<Object> found = new ArrayList<>();
        enter();
        if (!next(']')) {
            do found.add(value()); while (next(','));
            if (!next(']')) throw unexpected();
        }
        depth--;
        return found;
    }

    private void enter() {
        at++;
        if (++depth > DEEPEST) throw new Malformed("Document nesting depth exceeds " + DEEPEST);
    }

    private String string() {
        StringBuilder found = new StringBuilder();
        for (int from = ++at; ; ) {
            if (at >= text.length()) throw new Malformed("Unexpected end-of-input in a string");
            char c = text.charAt(at);
            if (c == '"') {
                found.append(text, from, at++);
                return found.toString();
            }
            if (c < ' ') throw unexpected();
            at++;
            if (c != '\\') continue;
            found.append(text, from, at - 1).append(escaped());
            from = at;
        }
    }

    private char escaped() {
        char c = at < text.length() ? text.charAt(at++) : ' ';
        int plain = "\"\\/bfnrt".indexOf(c);
        if (plain >= 0) return "\"\\/\b\f\n\r\t".charAt(plain);
        if (c != 'u' || at + 4 > text.length()) throw unexpected();
        at += 4;
        try {
            return (char) Integer.parseInt(text.substring(at - 4, at), 16);
        } catch (NumberFormatException wrong) {
            throw unexpected();
        }
    }

    private Object number() {
        int from = at;
        boolean whole = true;
        for (; at < text.length() && "+-0123456789.eE".indexOf(text.charAt(at)) >= 0; at++) {
            whole &= ".eE".indexOf(text.charAt(at)) < 0;
        }
        if (from == at) throw unexpected();
        try {
            String digits = text.substring(from, at);
            if (!whole) return Double.valueOf(digits);
            BigInteger exact = new BigInteger(digits);
            if (exact.bitLength() < 32) return exact.intValue();
            return exact.bitLength() < 64 ? (Object) exact.longValue() : exact;
        } catch (NumberFormatException wrong) {
            throw unexpected();
        }
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) throw unexpected();
        at += word.length();
        return value;
    }

    private boolean next(char wanted) {
        space();
        if (at >= text.length() || text.charAt(at) != wanted) return false;
        at++;
        return true;
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private Malformed unexpected() {
        String found = at < text.length() ? "Unexpected character '" + text.charAt(at) + "'" : "Unexpected end-of-input";
        return new Malformed(found + " at offset " + at);
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(Object value, StringBuilder out) {
        if (value instanceof Map) {
            String separator = "{";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                quote(String.valueOf(entry.getKey()), out.append(separator));
                write(entry.getValue(), out.append(':'));
                separator = ",";
            }
            out.append(separator.equals("{") ? "{}" : "}");
        } else if (value instanceof List) {
            String separator = "[";
            for (Object one : (List<?>) value) {
                write(one, out.append(separator));
                separator = ",";
            }
            out.append(separator.equals("[") ? "[]" : "]");
        } else if (value instanceof Number && isFinite((Number) value)) {
            out.append(value instanceof BigDecimal ? ((BigDecimal) value).toString() : value);
        } else if (value == null || value instanceof Boolean) {
            out.append(value);
        } else {
            quote(value.toString(), out);
        }
    }

    private static boolean isFinite(Number value) {
        return !(value instanceof Double || value instanceof Float) || !Double.isNaN(value.doubleValue()) && !Double.isInfinite(value.doubleValue());
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            int known = "\"\\\b\f\n\r\t".indexOf(c);
            if (known >= 0) out.append('\\').append("\"\\bfnrt".charAt(known));
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        out.append('"');
    }
}
