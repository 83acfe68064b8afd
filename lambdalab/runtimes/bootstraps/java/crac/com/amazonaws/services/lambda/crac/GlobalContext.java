package com.amazonaws.services.lambda.crac;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/** The resources of the process, held weakly as AWS's client holds them; all are told, whatever one of them throws. */
final class GlobalContext extends Context<Resource> {
    private final Map<Resource, Long> registered = new WeakHashMap<>();
    private long count;

    @Override
    public synchronized void register(Resource resource) {
        registered.put(resource, count++);
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        List<Resource> last = inOrder();
        Collections.reverse(last);
        CheckpointException failed = new CheckpointException();
        for (Resource one : last) {
            try {
                one.beforeCheckpoint(this);
            } catch (Throwable thrown) {
                failed.addSuppressed(thrown);
            }
        }
        if (failed.getSuppressed().length > 0) throw failed;
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws RestoreException {
        RestoreException failed = new RestoreException();
        for (Resource one : inOrder()) {
            try {
                one.afterRestore(this);
            } catch (Throwable thrown) {
                failed.addSuppressed(thrown);
            }
        }
        if (failed.getSuppressed().length > 0) throw failed;
    }

    private synchronized List<Resource> inOrder() {
        List<Map.Entry<Resource, Long>> entries = new ArrayList<>(registered.entrySet());
        entries.sort(Map.Entry.comparingByValue());
        List<Resource> found = new ArrayList<>();
        for (Map.Entry<Resource, Long> entry : entries) if (entry.getKey() != null) found.add(entry.getKey());
        return found;
    }
}
